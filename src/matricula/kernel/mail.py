"""Outgoing mail: written down in the transaction that wants it, sent by the worker.

Django sends through this backend, so whoever writes a mail never waits for a relay, and a relay
that is away fails nobody's request. A mail goes out at least once; only a crash between sending and
recording makes a second copy, and that one has the same Message-ID.
"""

from __future__ import annotations

from collections.abc import Sequence
from email.utils import make_msgid
from typing import Any

import structlog
from django.conf import settings
from django.core.mail import EmailMessage, EmailMultiAlternatives, get_connection
from django.core.mail.backends.base import BaseEmailBackend
from django.db import transaction
from procrastinate.contrib.django import app

from matricula.kernel import correlation
from matricula.kernel.models import OutgoingMail

DELIVERY = "matricula.kernel.jobs.deliver_mail"  # by name: the job knows us, not we the job
log = structlog.get_logger(__name__)


class Backend(BaseEmailBackend):
    """Queues instead of sending."""

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        with transaction.atomic():
            for message in email_messages:
                row = OutgoingMail.objects.create(content=_content(message))
                # Only the id: a job's arguments are logged, and a mail may hold a reset link.
                deliver = app.configure_task(DELIVERY)
                deliver.defer(mail_id=row.pk, correlation_id=correlation.current())
        return len(email_messages)


def message_id(name: str) -> str:
    """A Message-ID of ours with a name of the caller's: stable, so that a second copy is known as
    such."""
    return f"<{name}@{_host()}>"


def _host() -> str:
    return settings.DEFAULT_FROM_EMAIL.rpartition("@")[2].rstrip(">")


def deliver(mail_id: int) -> bool:
    """Sends a queued mail and forgets it; False when it was sent before.

    Raises what the transport raises; the mail then stays queued, with the error noted.
    """
    row = OutgoingMail.objects.filter(pk=mail_id).first()
    if row is None:
        return False
    try:
        _message(row.content).send()
    except OSError as error:  # smtplib's errors are OSErrors too
        OutgoingMail.objects.filter(pk=mail_id).update(error=f"{type(error).__name__}: {error}")
        log.warning("mail_not_sent", mail_id=mail_id, error=type(error).__name__)
        raise
    row.delete()
    return True


def _content(message: EmailMessage) -> dict[str, Any]:
    alternatives = getattr(message, "alternatives", [])
    return {
        "subject": message.subject,
        "body": message.body,
        "from_email": message.from_email,
        "to": list(message.to),
        "cc": list(message.cc),
        "bcc": list(message.bcc),
        "reply_to": list(message.reply_to),
        "headers": {"Message-ID": make_msgid(domain=_host()), **message.extra_headers},
        "alternatives": [[str(content), str(kind)] for content, kind in alternatives],
    }


def _message(content: dict[str, Any]) -> EmailMultiAlternatives:
    parts = dict(content)
    alternatives = parts.pop("alternatives")
    transport = get_connection(settings.MAIL_TRANSPORT)
    message = EmailMultiAlternatives(**parts, connection=transport)
    for body, kind in alternatives:
        message.attach_alternative(body, kind)
    return message
