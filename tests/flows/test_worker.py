"""The worker process, over a database of the test's own."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

from django.conf import settings
from procrastinate.contrib.django.models import ProcrastinateJob
from pytest_django import DjangoDbBlocker

from matricula.flows import jobs
from matricula.worker import JOBS_AT_ONCE
from tests.support.crowds import django_on, wait_until
from tests.support.databases import site_environment

_MATRICULA = str(Path(sys.executable).parent / "matricula")


def test_a_gateway_that_hangs_keeps_nobody_waiting_but_those_who_ask_it(
    fresh_database: str, django_db_blocker: DjangoDbBlocker, tmp_path: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:  # connections come in, answers never
        environ = {
            **os.environ,
            **site_environment(fresh_database),
            "MATRICULA_HOME": str(tmp_path),
            "MATRICULA_SECRET_KEY": settings.SECRET_KEY,
            "RAZORPAY_BASE_URL": f"http://127.0.0.1:{silent.getsockname()[1]}",
        }
        with django_db_blocker.unblock(), django_on(fresh_database):
            visits = [
                jobs.settle_unheard.configure(queueing_lock=f"visit {number}").defer(timestamp=0)
                for number in range(JOBS_AT_ONCE * 4)
            ]
            begun = ProcrastinateJob.objects.filter(pk__in=visits).exclude(status="todo")
            log = (tmp_path / "worker.log").open("wb")
            worker = subprocess.Popen([_MATRICULA, "worker"], env=environ, stdout=log, stderr=log)
            try:
                wait_until(lambda: begun.count() >= JOBS_AT_ONCE or worker.poll() is not None)
                ours = jobs.forget_answers.configure(queueing_lock="ours").defer(timestamp=0)
                waits = ProcrastinateJob.objects.filter(pk=ours)  # the row goes when it is done
                wait_until(lambda: not waits.exists() or worker.poll() is not None)
                assert worker.poll() is None, (tmp_path / "worker.log").read_text()
                assert begun.count() < len(visits)
            finally:
                worker.kill()
                worker.wait()
                log.close()
