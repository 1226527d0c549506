"""A job whose worker has died runs again."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

import psycopg

from matricula.kernel.failures import MAX_TRIES
from tests.poison.registry import poisons
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


def leave_jobs_of_a_dead_worker(
    connection: psycopg.Connection[Any], attempts: Sequence[int]
) -> None:
    connection.execute(
        "INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now() - interval '1 hour')"
    )
    for number, count in enumerate(attempts):
        connection.execute(
            "INSERT INTO procrastinate_jobs (queue_name, task_name, args, status, attempts,"
            " worker_id) VALUES ('default', 'matricula.flows.jobs.send_refund',"
            " jsonb_build_object('event_seq', %s::int), 'doing', %s,"
            " (SELECT max(id) FROM procrastinate_workers))",
            [number, count],
        )


def take_up(database: str) -> str:
    environ = {**os.environ, **site_environment(database)}
    done = subprocess.run(
        [sys.executable, "-c", _WORK], env=environ, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def test_a_job_of_a_dead_worker_is_taken_up_again(fresh_database: str) -> None:
    with psycopg.connect(fresh_database, autocommit=True) as connection:
        leave_jobs_of_a_dead_worker(connection, attempts=[0])
        assert take_up(fresh_database) == "1"
        row = connection.execute("SELECT status FROM procrastinate_jobs").fetchone()
    assert row == ("todo",)


@poisons("matricula.kernel.jobs.take_up_stalled_jobs")
def test_a_job_that_ends_its_worker_each_time_is_set_aside(
    fresh_database: str,
) -> None:
    with psycopg.connect(fresh_database, autocommit=True) as connection:
        leave_jobs_of_a_dead_worker(connection, attempts=[0, MAX_TRIES])
        assert take_up(fresh_database) == "2"
        rows = connection.execute("SELECT args, status FROM procrastinate_jobs").fetchall()
        assert rows == [({"event_seq": 0}, "todo")]
        failed = connection.execute(
            "SELECT queue, reference, next_try_at FROM kernel_failedwork"
        ).fetchall()
    assert failed == [("matricula.flows.jobs.send_refund", "1", None)]
