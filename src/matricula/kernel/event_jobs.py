"""Jobs that an event owes: one procrastinate job for each event, retried until it succeeds or its
work is set aside (`failures.py`)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from procrastinate import BaseRetryStrategy, RetryDecision
from procrastinate.contrib.django import app
from procrastinate.jobs import Job

from matricula.kernel import correlation, failures, outbox
from matricula.kernel.failures import WorkQueue
from matricula.kernel.queues import OURS

Work = Callable[[int], Any]


class _AfterPauses(BaseRetryStrategy):
    """A job that raises runs again after growing pauses. It ends by itself: once its work is set
    aside it raises no more."""

    def get_retry_decision(self, *, exception: BaseException, job: Job) -> RetryDecision:  # noqa: ARG002
        pause = failures.pause_after(job.attempts + 1)
        return RetryDecision(retry_in={"seconds": int(pause.total_seconds())})


def event_job(*event_types: str, queue: str = OURS) -> Callable[[Work], Any]:
    """Makes a job of the function for every event of these types: it gets the event's `seq`, runs
    under the event's correlation id, and must bear being repeated. Its name is the job's in the
    database: jobs of the release before are found by it."""

    def job_of(work: Work) -> Any:
        name = f"{work.__module__}.{work.__name__}"

        def run(event_seq: int, correlation_id: str = "") -> Any:
            try:
                with correlation.following(correlation_id):
                    result = work(event_seq)
            except Exception as error:
                if failures.is_outage(error) or not failures.record(name, str(event_seq), error):
                    raise
                return None
            failures.clear(name, [str(event_seq)])
            return result

        run.__doc__ = work.__doc__
        task = app.task(name=name, queue=queue, retry=_AfterPauses(), pass_context=False)(run)
        outbox.owe(task, *event_types)
        failures.register(
            WorkQueue(
                name=name,
                title=work.__name__.replace("_", " ").capitalize(),
                retry=lambda seq: task.defer(event_seq=int(seq)),
            )
        )
        return task

    return job_of
