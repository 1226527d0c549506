"""A real mail server on loopback (aiosmtpd) that takes mail, refuses it, hangs, or hangs up."""

# ruff: noqa: ARG002 - aiosmtpd names the parameters

from __future__ import annotations

import asyncio
import email
import email.policy
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from django.conf import LazySettings

from tests.support.sites import free_port

TAKES = "250 taken"
HANGS = ""
HANGS_UP = "hang up"


class Relay:
    """What a relay was offered. `answers` says what it tells the end of each message, and the last
    of them goes on for ever; `unknown` are addresses it refuses at once."""

    def __init__(self, *answers: str, unknown: tuple[str, ...] = ()) -> None:
        self.answers = list(answers) or [TAKES]
        self.unknown = unknown
        self.offered: list[EmailMessage] = []
        self.recipients: list[str] = []
        self.sessions = 0

    async def handle_EHLO(  # noqa: N802 - aiosmtpd's name
        self,
        server: SMTP,
        session: Session,
        envelope: Envelope,
        hostname: str,
        responses: list[str],
    ) -> list[str]:
        self.sessions += 1
        session.host_name = hostname
        return responses

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address in self.unknown:
            return "550 5.1.1 no such mailbox"
        self.recipients.append(address)
        envelope.rcpt_tos.append(address)
        return "250 ok"

    async def handle_DATA(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        content: Any = envelope.content
        whole = email.message_from_bytes(content, policy=email.policy.default)
        assert isinstance(whole, EmailMessage)
        self.offered.append(whole)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if answer == HANGS:
            await asyncio.sleep(60)
        if answer == HANGS_UP:
            assert server.transport is not None
            server.transport.abort()
        return answer


@contextmanager
def relay(settings: LazySettings, *answers: str, unknown: tuple[str, ...] = ()) -> Iterator[Relay]:
    """A relay to which the site's mail goes inside the block."""
    taken = Relay(*answers, unknown=unknown)
    controller = Controller(taken, hostname="127.0.0.1", port=free_port())
    controller.start()
    settings.MAIL_TRANSPORT = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = controller.hostname, controller.port
    try:
        yield taken
    finally:
        controller.stop()
