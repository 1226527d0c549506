"""Periodic work of this room."""

from __future__ import annotations

from procrastinate.contrib.django import app

from matricula.accounts import tokens


@app.periodic(cron="17 3 * * *")
@app.task(queueing_lock="forget_refresh_tokens")
def forget_refresh_tokens(timestamp: int) -> int:  # noqa: ARG001 - procrastinate's signature
    """Deletes refresh tokens past their life, once a night."""
    return tokens.forget_old()
