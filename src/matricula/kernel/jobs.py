"""Jobs of the kernel."""

from __future__ import annotations

from procrastinate import JobContext
from procrastinate.contrib.django import app

from matricula.kernel import rates


@app.periodic(cron="*/5 * * * *")
@app.task(queueing_lock="forget_old_request_counts", pass_context=False)
def forget_old_request_counts(timestamp: int) -> int:  # noqa: ARG001 - procrastinate's signature
    """Every five minutes: counts of rate limits whose time is over."""
    return rates.forget_old()


@app.periodic(cron="* * * * *")
@app.task(queueing_lock="take_up_stalled_jobs", pass_context=True)
async def take_up_stalled_jobs(context: JobContext, timestamp: int) -> int:  # noqa: ARG001
    """Every minute: jobs whose worker has died (no heartbeat for half a minute) run again."""
    manager = context.app.job_manager
    stalled = list(await manager.get_stalled_jobs())
    for job in stalled:
        await manager.retry_job(job)
    return len(stalled)
