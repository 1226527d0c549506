"""Jobs of the kernel."""

from __future__ import annotations

from asgiref.sync import sync_to_async
from procrastinate import JobContext
from procrastinate.contrib.django import app
from procrastinate.jobs import Job, Status

from matricula.kernel import failures, rates
from matricula.kernel.failures import WorkQueue
from matricula.kernel.regularly import regularly


@regularly("*/5 * * * *")
def forget_old_request_counts() -> int:
    """Every five minutes: counts of rate limits whose time is over."""
    return rates.forget_old()


# Between being deferred and being taken; a job's own failures are recorded under its task's name.
failures.register(
    WorkQueue(
        name="jobs",
        title="Jobs",
        backlog="SELECT count(*), min(greatest(e.at, j.scheduled_at)) FROM ("
        " SELECT id, scheduled_at FROM procrastinate_jobs WHERE status = 'todo'"
        " AND (scheduled_at IS NULL OR scheduled_at <= now()) ORDER BY id LIMIT 1000) j"
        " LEFT JOIN procrastinate_events e ON e.job_id = j.id AND e.type = 'deferred'",
    )
)


@app.periodic(cron="* * * * *")
@app.task(queueing_lock="take_up_stalled_jobs", pass_context=True)
async def take_up_stalled_jobs(context: JobContext, timestamp: int) -> int:  # noqa: ARG001
    """Every minute: jobs whose worker has died (no heartbeat for half a minute) run again. One that
    does so again and again may be what ends the workers: it is set aside."""
    manager = context.app.job_manager
    stalled = list(await manager.get_stalled_jobs())
    for job in stalled:
        if job.attempts >= failures.MAX_TRIES:
            await sync_to_async(_set_aside)(job)
            await manager.finish_job(job, status=Status.FAILED, delete_job=True)
        else:
            await manager.retry_job(job)
    return len(stalled)


def _set_aside(job: Job) -> None:
    reference = str(job.task_kwargs.get("event_seq", job.id))
    why = "It ended the worker's process each time."
    failures.set_aside(job.task_name, reference, why, job.attempts)
