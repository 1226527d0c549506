"""Work that is done again and again, at times that a line of cron names (its sixth field are
seconds)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from procrastinate.contrib.django import app

from matricula.kernel import failures
from matricula.kernel.failures import WorkQueue
from matricula.kernel.queues import OURS

Work = Callable[[], int]

# What has failed `MAX_TRIES` times in a row is reported, and still runs at its times: the next run
# that succeeds takes the report back.
QUEUE = failures.register(WorkQueue(name="periodic_tasks", title="Periodic tasks"))


def regularly(cron: str, queue: str = OURS) -> Callable[[Work], Any]:
    """Makes a job of the function, done at these times by one worker. While one of its jobs waits,
    no second is put behind it. Its name is the job's in the database: jobs of the release before
    are found by it. A run that fails is recorded; the next time comes anyway."""

    def job_of(work: Work) -> Any:
        name = f"{work.__module__}.{work.__name__}"

        def run(timestamp: int) -> int:  # noqa: ARG001 - procrastinate's signature
            try:
                result = work()
            except Exception as error:
                if failures.is_outage(error):
                    raise
                failures.record(QUEUE.name, name, error)
                return 0
            failures.clear(QUEUE.name, [name])
            return result

        task = app.task(name=name, queue=queue, queueing_lock=work.__name__, pass_context=False)(
            run
        )
        return app.periodic(cron=cron)(task)

    return job_of
