"""Jobs of the kernel."""

from __future__ import annotations

from procrastinate import JobContext
from procrastinate.contrib.django import app

from matricula.kernel import rates
from matricula.kernel.regularly import regularly


@regularly("*/5 * * * *")
def forget_old_request_counts() -> int:
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
