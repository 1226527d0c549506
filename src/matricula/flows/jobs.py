"""Periodic work of the flows."""

from __future__ import annotations

from procrastinate.contrib.django import app

from matricula.flows import expire
from matricula.kernel import idempotency


@app.periodic(cron="* * * * * */15")
@app.task(queueing_lock="expire_holds", pass_context=False)
def expire_holds(timestamp: int) -> int:  # noqa: ARG001 - procrastinate's signature
    """Every 15 seconds: no hold outlives its time by more than a minute."""
    return expire.expire_due()


@app.periodic(cron="23 * * * *")
@app.task(queueing_lock="forget_answers")
def forget_answers(timestamp: int) -> int:  # noqa: ARG001 - procrastinate's signature
    """Every hour: Idempotency-Keys older than a day are forgotten."""
    return idempotency.forget_old()
