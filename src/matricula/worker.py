"""The worker process: runs jobs and periodic work, dispatches events to their effects and does
those, handles webhooks, serves the lines of waiting rooms, and sends mail.

Any number may run; any may die at any moment. A job it was running is taken up again.
"""

from __future__ import annotations

import asyncio
import signal
import sys
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import cast

import structlog
from django.db import DatabaseError, InterfaceError, connection
from procrastinate import App
from procrastinate.contrib.django import app
from procrastinate.contrib.django.django_connector import DjangoConnector

from matricula.flows import admit, notices, webhooks
from matricula.kernel import effects, failures, outbox
from matricula.kernel.failures import WorkQueue
from matricula.kernel.queues import QUEUES
from matricula.notifications import sending
from matricula.runtime.children import announce_ready

JOBS_AT_ONCE = 4  # of each queue
# What people wait for (the dispatcher's notices, webhooks) runs beside jobs that reckon: a thread
# that has its answer from the database gets its turn within this time instead of Python's 5 ms.
TURN_SECONDS = 0.0005
log = structlog.get_logger(__name__)
GRACE_SECONDS = 20
RESTART_SECONDS = 5.0
LOOPS = failures.register(WorkQueue(name="worker_loops", title="Worker loops"))


def loops() -> Mapping[str, Callable[[threading.Event], None]]:
    """Every loop of the worker that is not a procrastinate job, each in a thread of its own."""
    return {
        "dispatcher": outbox.dispatch_until,
        "webhooks": notices.handle_until,
        "deliveries": webhooks.deliver_until,
        "waiting_rooms": admit.serve_until,
        "mail": sending.send_until,
    } | {name: partial(effects.work_until, name) for name in effects.names()}


def run() -> None:
    """Works until SIGTERM or SIGINT; then finishes what runs, within `GRACE_SECONDS`."""
    sys.setswitchinterval(TURN_SECONDS)
    stop = threading.Event()
    threads = [
        threading.Thread(target=_keep_doing, args=[name, task, stop], name=name)
        for name, task in loops().items()
    ]
    for thread in threads:
        thread.start()
    try:
        asyncio.run(_work())
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def _keep_doing(name: str, task: Callable[[threading.Event], None], stop: threading.Event) -> None:
    """A thread of the worker. An error that its loop does not expect is recorded, and the loop
    begins anew: the other loops never notice, and monitoring does."""
    while not stop.is_set():
        try:
            task(stop)
        except Exception as error:
            log.exception("loop_failed", thread_name=name)
            _record(name, error)
            stop.wait(RESTART_SECONDS)


def _record(name: str, error: Exception) -> None:
    try:
        failures.record(LOOPS.name, name, error)
    except (DatabaseError, InterfaceError):
        log.warning("failure_not_recorded", thread_name=name)
    finally:
        connection.close()


async def _work() -> None:
    connector = cast("DjangoConnector", app.connector)
    with app.replace_connector(connector.get_worker_connector()) as working:
        async with working.open_async():
            announce_ready()
            await _serve_queues(working)


async def _serve_queues(app: App) -> None:
    """Works on every queue, each with slots of its own, until a signal comes or one of them ends:
    then what runs in the others is finished too."""
    loop = asyncio.get_running_loop()
    # A thread for each slot; by default there are as many as the machine has cores, and four.
    loop.set_default_executor(ThreadPoolExecutor(JOBS_AT_ONCE * len(QUEUES) + 1, "job"))
    serving = [
        asyncio.create_task(
            app.run_worker_async(
                queues=[queue],
                name=queue,
                concurrency=JOBS_AT_ONCE,
                delete_jobs="successful",
                shutdown_graceful_timeout=GRACE_SECONDS,
                install_signal_handlers=False,
            )
        )
        for queue in QUEUES
    ]

    def stop() -> None:
        for one in serving:
            one.cancel()

    for signal_ in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signal_, stop)
    await asyncio.wait(serving, return_when=asyncio.FIRST_COMPLETED)
    stop()
    for ended in await asyncio.gather(*serving, return_exceptions=True):
        if isinstance(ended, Exception):
            raise ended
