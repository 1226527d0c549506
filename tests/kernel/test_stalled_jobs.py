"""A job whose worker has died runs again."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import psycopg

from tests.support.databases import site_environment

_WORK = """
import asyncio, django
django.setup()
from procrastinate.contrib.django import app
from matricula.kernel.jobs import take_up_stalled_jobs

class Context:
    def __init__(self, app):
        self.app = app

async def work():
    with app.replace_connector(app.connector.get_worker_connector()) as working:
        async with working.open_async():
            print(await take_up_stalled_jobs.func(Context(working), 0))

asyncio.run(work())
"""


def test_a_job_of_a_dead_worker_is_taken_up_again(fresh_database: str, tmp_path: Path) -> None:
    with psycopg.connect(fresh_database, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now() - interval '1 hour')"
        )
        connection.execute(
            "INSERT INTO procrastinate_jobs (queue_name, task_name, args, status, worker_id)"
            " VALUES ('default', 'matricula.kernel.jobs.deliver_mail', '{\"mail_id\": 1}', 'doing',"
            " (SELECT max(id) FROM procrastinate_workers))"
        )
        environ = {**os.environ, **site_environment(fresh_database)}
        done = subprocess.run(
            [sys.executable, "-c", _WORK], env=environ, capture_output=True, text=True, check=True
        )
        assert done.stdout.strip() == "1"
        row = connection.execute("SELECT status FROM procrastinate_jobs").fetchone()
    assert row == ("todo",)
