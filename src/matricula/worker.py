"""The worker process: runs jobs and periodic work, and dispatches events to their effects.

Any number may run; any may die at any moment. A job it was running is taken up again.
"""

from __future__ import annotations

import asyncio
import os
import threading
from typing import cast

from matricula.runtime.children import announce_ready

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "matricula.config.settings")

JOBS_AT_ONCE = 4
GRACE_SECONDS = 20


def run() -> None:
    """Works until SIGTERM or SIGINT; then finishes what runs, within `GRACE_SECONDS`."""
    import django

    django.setup()

    from matricula.kernel import outbox

    stop = threading.Event()
    dispatcher = threading.Thread(target=outbox.dispatch_until, args=[stop], name="dispatcher")
    dispatcher.start()
    try:
        asyncio.run(_work())
    finally:
        stop.set()
        dispatcher.join()


async def _work() -> None:
    from procrastinate.contrib.django import app
    from procrastinate.contrib.django.django_connector import DjangoConnector

    connector = cast("DjangoConnector", app.connector)
    with app.replace_connector(connector.get_worker_connector()) as working:
        async with working.open_async():
            announce_ready()
            await working.run_worker_async(
                concurrency=JOBS_AT_ONCE,
                delete_jobs="successful",
                shutdown_graceful_timeout=GRACE_SECONDS,
                install_signal_handlers=True,
            )
