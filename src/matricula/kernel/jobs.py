"""Jobs of the kernel."""

from __future__ import annotations

from procrastinate import RetryStrategy
from procrastinate.contrib.django import app

from matricula.kernel import mail

# After 3 s, 9 s, 27 s … about eight hours in all.
MAIL_RETRIES = RetryStrategy(max_attempts=9, exponential_wait=3, retry_exceptions=[OSError])


@app.task(retry=MAIL_RETRIES)
def deliver_mail(mail_id: int) -> bool:
    """Sends a queued mail."""
    return mail.deliver(mail_id)
