"""Jobs of support."""

from __future__ import annotations

from procrastinate.contrib.django import app

from matricula.support import actions


@app.periodic(cron="41 4 * * *")
@app.task(queueing_lock="forget_old_conversations", pass_context=False)
def forget_old_conversations(timestamp: int) -> int:  # noqa: ARG001 - procrastinate's signature
    """Every night: conversations closed two years ago are deleted."""
    return actions.forget_old()
