"""Work that is done again and again, at times that a line of cron names (its sixth field are
seconds)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from procrastinate.contrib.django import app

from matricula.kernel.queues import OURS

Work = Callable[[], int]


def regularly(cron: str, queue: str = OURS) -> Callable[[Work], Any]:
    """Makes a job of the function, done at these times by one worker. While one of its jobs waits,
    no second is put behind it. Its name is the job's in the database: jobs of the release before
    are found by it."""

    def job_of(work: Work) -> Any:
        def run(timestamp: int) -> int:  # noqa: ARG001 - procrastinate's signature
            return work()

        name = f"{work.__module__}.{work.__name__}"
        task = app.task(name=name, queue=queue, queueing_lock=work.__name__, pass_context=False)(
            run
        )
        return app.periodic(cron=cron)(task)

    return job_of
