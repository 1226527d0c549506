"""Jobs of the kernel."""

from __future__ import annotations

from procrastinate import JobContext, RetryStrategy
from procrastinate.contrib.django import app

from matricula.kernel import correlation, mail

# After 3 s, 9 s, 27 s … about eight hours in all.
MAIL_RETRIES = RetryStrategy(max_attempts=9, exponential_wait=3, retry_exceptions=[OSError])


@app.task(retry=MAIL_RETRIES)
def deliver_mail(mail_id: int, correlation_id: str = "") -> bool:
    """Sends a queued mail."""
    with correlation.following(correlation_id):
        return mail.deliver(mail_id)


@app.periodic(cron="* * * * *")
@app.task(queueing_lock="take_up_stalled_jobs", pass_context=True)
async def take_up_stalled_jobs(context: JobContext, timestamp: int) -> int:  # noqa: ARG001
    """Every minute: jobs whose worker has died (no heartbeat for half a minute) run again."""
    manager = context.app.job_manager
    stalled = list(await manager.get_stalled_jobs())
    for job in stalled:
        await manager.retry_job(job)
    return len(stalled)
