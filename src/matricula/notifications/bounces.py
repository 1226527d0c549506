"""News about mail that was sent: it came back, or its reader called it spam.

Mail services tell by webhook (`edges/hooks/mail.py`) and name the mail by what we gave it along
(`delivery_id`), since some of them give it a Message-ID of their own. A mail server of one's own
hands the returned message to `matricula bounce`, and `read_report` finds out what it says.
"""

from __future__ import annotations

from dataclasses import dataclass
from email.message import Message
from uuid import UUID

from django.db import transaction
from django.db.models import Q

from matricula.kernel import clock, foreign_mail
from matricula.notifications.actions import suppress
from matricula.notifications.models import Delivery, SuppressedAddress
from matricula.notifications.states import DELIVERY, DeliveryState

LONGEST_DETAIL = 500


@dataclass(frozen=True)
class Report:
    """What a returned message says. `message_id` is the header of the mail it is about, or
    `delivery_id` names it. When it is not final the address may still take other mail: a full
    mailbox, a filter."""

    message_id: str
    address: str
    is_complaint: bool
    detail: str
    is_final: bool = True
    delivery_id: UUID | None = None


def record(report: Report) -> bool:
    """Notes it on the mail, and if it is final sends no more to the address; False when the mail is
    none of ours.

    After a complaint only mail about purchases and the account is still sent.
    """
    reason = SuppressedAddress.Reason
    return _hear(
        report,
        "complain" if report.is_complaint else "bounce",
        reason.COMPLAINT if report.is_complaint else reason.BOUNCE,
    )


def note_arrival(delivery_id: UUID, address: str) -> bool:
    """The reader's server has taken the mail; False when it is none of ours."""
    rows = Delivery.objects.filter(pk=delivery_id, address__iexact=address, delivered_at=None)
    return bool(rows.update(delivered_at=clock.now()))


@transaction.atomic
def _hear(report: Report, trigger: str, reason: SuppressedAddress.Reason) -> bool:
    rows = Delivery.objects.select_for_update(no_key=True).filter(
        Q(pk=report.delivery_id)
        if report.delivery_id is not None
        else Q(message_id_header=report.message_id)
    )
    # The address alone is not believed: whoever can write to us could silence anybody.
    row = rows.filter(address__iexact=report.address).first() if report.address else rows.first()
    if row is None:
        return False
    state = DeliveryState(row.state)
    if DELIVERY.allows(state, trigger):
        row.state, row.content = DELIVERY.transition(state, trigger), None
        row.error = report.detail[:LONGEST_DETAIL]
        row.save(update_fields=["state", "error", "content"])
    if report.is_final:
        suppress(row.address, reason, report.detail)
    return True


def read_report(raw: bytes) -> Report | None:
    """What a returned message says: a delivery status (RFC 3464) that failed for good, or a
    feedback report (RFC 5965). None for anything else, such as a delay or an automatic answer."""
    if foreign_mail.read_head(raw).get_content_type() != "multipart/report":
        return None
    parsed = foreign_mail.read_whole(raw)
    message_id = _original_id(parsed) if parsed is not None else ""
    if parsed is None or not message_id:
        return None
    fields = _fields(parsed)
    if "feedback-type" in fields:
        if fields["feedback-type"].lower() != "abuse":
            return None
        return Report(message_id, _address(fields.get("original-rcpt-to", "")), True, "abuse")
    status = fields.get("status", "")
    if fields.get("action", "").lower() != "failed" or not status.startswith("5"):
        return None
    detail = f"{status} {fields.get('diagnostic-code', '')}".strip()
    return Report(message_id, _address(fields.get("final-recipient", "")), False, detail)


def _fields(report: Message) -> dict[str, str]:
    """The fields of the machine-readable part: its blocks are parsed as messages of their own."""
    found: dict[str, str] = {}
    for part in report.walk():
        kind = part.get_content_type()
        blocks: list[Message] = []
        if kind == "message/delivery-status":
            blocks = [block for block in part.get_payload() if isinstance(block, Message)]
        elif kind == "message/feedback-report":
            text = part.get_payload(decode=True) or b""
            if isinstance(part.get_payload(), list):
                blocks = [block for block in part.get_payload() if isinstance(block, Message)]
            else:
                blocks = [foreign_mail.read_head(bytes(text))]
        for block in blocks:
            found |= {name.lower(): str(value).strip() for name, value in block.items()}
    return found


def _original_id(report: Message) -> str:
    """The Message-ID of the mail that is returned whole, or by its head."""
    for part in report.walk():
        kind = part.get_content_type()
        if kind == "message/rfc822":
            inner = part.get_payload()
            if isinstance(inner, list) and isinstance(inner[0], Message):
                return str(inner[0]["Message-ID"] or "").strip()
        elif kind == "text/rfc822-headers":
            head = foreign_mail.read_head(str(part.get_payload()).encode(errors="replace"))
            return str(head["Message-ID"] or "").strip()
    return ""


def _address(field: str) -> str:
    """`rfc822; somebody@example.org` (RFC 3464, section 2.3.2), or the address alone."""
    kind, separator, address = field.partition(";")
    named = address if separator and kind.strip().lower() == "rfc822" else field
    return named.strip().strip("<>")
