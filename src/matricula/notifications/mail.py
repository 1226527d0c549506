"""Django's mail backend: queues instead of sending, in the transaction that wants the mail.

Whoever writes a mail never waits for a relay, and a relay that is away fails nobody's request.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend

from matricula.kernel import correlation
from matricula.notifications import rendering
from matricula.notifications.actions import AUTOMATIC, new_delivery
from matricula.notifications.kinds import KINDS
from matricula.notifications.models import Delivery

KIND_HEADER = "X-Matricula-Kind"
DEFAULT_KIND = "other"


class Backend(BaseEmailBackend):
    """Queues one mail for each recipient, so that each has a state of its own. A text without an
    HTML part is given the design of all other mail. A header `X-Matricula-Kind` names the kind.
    """

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        Delivery.objects.bulk_create(
            [
                _delivery(message, address)
                for message in email_messages
                for address in message.recipients()
            ]
        )
        return len(email_messages)


def _delivery(message: EmailMessage, address: str) -> Delivery:
    headers = {**AUTOMATIC, **message.extra_headers}
    kind = headers.pop(KIND_HEADER, DEFAULT_KIND)
    if message.reply_to:
        headers["Reply-To"] = ", ".join(message.reply_to)
    made = new_delivery(
        kind if kind in KINDS else DEFAULT_KIND,
        address,
        str(message.subject),
        {
            "text": str(message.body),
            "html": _html(message),
            "headers": headers,
            "attachments": [],
        },
        correlation_id=correlation.current(),
    )
    # A caller that has a Message-ID of its own, say to thread a conversation, keeps it.
    made.message_id_header = headers.pop("Message-ID", made.message_id_header)
    return made


def _html(message: EmailMessage) -> str:
    alternatives: list[Any] = getattr(message, "alternatives", [])
    for content, kind in alternatives:
        if kind == "text/html":
            return str(content)
    return rendering.html_of(str(message.subject), str(message.body))
