"""What is written about messages and their mail. Sending has a file of its own."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from email.utils import parseaddr
from typing import Any
from uuid import UUID, uuid5

from django.conf import settings
from django.db import transaction
from django.db.models.functions import Now
from django.utils import translation
from django.utils.translation import gettext_lazy as _

from matricula.kernel import clock, failures, ids
from matricula.kernel.errors import ValidationFailed
from matricula.notifications import rendering, unsubscribing
from matricula.notifications.kinds import ALWAYS, KINDS, Category
from matricula.notifications.letters import Letter
from matricula.notifications.models import Delivery, Message, Preference, SuppressedAddress
from matricula.notifications.states import DELIVERY, DeliveryState

_MESSAGES = UUID("5d0c8a5e-53b7-5a5f-8f0e-0a1e6d9d2b11")
# No program answers this (RFC 3834): an absence note would only come back to nobody.
AUTOMATIC = {"Auto-Submitted": "auto-generated"}
LONGEST_HEADING = 200
LONGEST_SUBJECT = 250


@dataclass(frozen=True)
class Recipient:
    """Somebody to tell something: their address, and the language they read ("" for the site's)."""

    person_id: UUID
    address: str
    language: str = ""


@dataclass(frozen=True)
class Saying:
    """One thing to tell one person because of one event."""

    kind: str
    event_id: UUID
    recipient: Recipient
    letter: Letter
    correlation_id: str = ""


def header_id(name: str) -> str:
    """A Message-ID of ours with a name of the caller's: stable, so that a second copy is known as
    such."""
    host = parseaddr(settings.DEFAULT_FROM_EMAIL)[1].rpartition("@")[2]
    return f"<{name}@{host}>"


def message_key(event_id: UUID, kind: str, person_id: UUID) -> UUID:
    """The id of the message that tells this person of this event: always the same."""
    return uuid5(_MESSAGES, f"{event_id}/{kind}/{person_id}")


@transaction.atomic
def say(sayings: Sequence[Saying]) -> int:
    """Puts each message under its reader's bell and queues its mail; returns how many were new.

    Saying the same again (same event, kind and person) does nothing, so that whoever is not sure
    whether it was said says it again.
    """
    keys = {message_key(s.event_id, s.kind, s.recipient.person_id): s for s in sayings}
    known = set(Message.objects.filter(pk__in=keys).values_list("pk", flat=True))
    new = {key: saying for key, saying in keys.items() if key not in known}
    unwanted = _unwanted({saying.recipient.person_id for saying in new.values()})
    Message.objects.bulk_create(
        [_message(key, saying) for key, saying in new.items()], ignore_conflicts=True
    )
    Delivery.objects.bulk_create(
        [_delivery(key, saying) for key, saying in new.items() if _is_mailed(saying, unwanted)],
        ignore_conflicts=True,
    )
    return len(new)


def _message(key: UUID, saying: Saying) -> Message:
    letter = saying.letter
    return Message(
        id=key,
        person_id=saying.recipient.person_id,
        kind=saying.kind,
        event_id=saying.event_id,
        heading=letter.heading[:LONGEST_HEADING],
        summary=letter.summary,
        url=letter.action.path if letter.action else "",
        created_at=clock.now(),
    )


def _is_mailed(saying: Saying, unwanted: set[tuple[UUID, str]]) -> bool:
    kind = KINDS[saying.kind]
    turned_off = (saying.recipient.person_id, kind.category) in unwanted
    return kind.is_mailed and bool(saying.recipient.address) and not turned_off


def _unwanted(person_ids: Iterable[UUID]) -> set[tuple[UUID, str]]:
    rows = Preference.objects.filter(person__in=list(person_ids), wants_mail=False)
    return {
        (person_id, category)
        for person_id, category in rows.values_list("person_id", "category")
        if category not in ALWAYS
    }


def _delivery(key: UUID, saying: Saying) -> Delivery:
    kind = KINDS[saying.kind]
    letter = saying.letter
    headers = dict(AUTOMATIC)
    link = ""
    if kind.category not in ALWAYS:
        link = unsubscribing.link(saying.recipient.person_id, kind.category)
        headers |= unsubscribing.headers(link)
    with translation.override(saying.recipient.language or settings.LANGUAGE_CODE):
        rendered = rendering.render(letter, unsubscribe_url=link)
    content = {
        "text": rendered.text,
        "html": rendered.html,
        "headers": headers,
        "attachments": [[a.name, a.source, a.reference] for a in letter.attachments],
    }
    return new_delivery(
        saying.kind,
        saying.recipient.address,
        letter.subject,
        content,
        delivery_id=uuid5(_MESSAGES, f"mail/{key}"),
        message_id=key,
        person_id=saying.recipient.person_id,
        correlation_id=saying.correlation_id,
    )


def new_delivery(
    kind: str,
    address: str,
    subject: str,
    content: dict[str, Any],
    *,
    delivery_id: UUID | None = None,
    message_id: UUID | None = None,
    person_id: UUID | None = None,
    correlation_id: str = "",
) -> Delivery:
    """A mail ready to be saved. Its Message-ID follows from its id, so every copy has it."""
    delivery_id = delivery_id or ids.new_id()
    wait = KINDS[kind].wait_seconds
    return Delivery(
        id=delivery_id,
        message_id=message_id,
        person_id=person_id,
        kind=kind,
        address=address,
        subject=" ".join(subject.split())[:LONGEST_SUBJECT],
        message_id_header=header_id(ids.to_text("dlv", delivery_id)),
        content=content,
        correlation_id=correlation_id,
        created_at=clock.now(),
        due_at=clock.now() + timedelta(seconds=wait),
    )


def mark_read(person_id: UUID, message_id: UUID | None = None) -> int:
    """The person has read this message of theirs, or all; returns how many were unread."""
    rows = Message.objects.filter(person=person_id, read_at__isnull=True)
    if message_id is not None:
        rows = rows.filter(pk=message_id)
    return rows.update(read_at=Now())


def set_preference(
    person_id: UUID, category: Category, *, wants_mail: bool, wording: str = ""
) -> None:
    """Whether the person wants mail of this category, and the words they agreed to. Raises
    ValidationFailed for one that cannot be turned off."""
    if category in ALWAYS and not wants_mail:
        raise ValidationFailed(
            _("Mail about what you bought and about your account is always sent.")
        )
    Preference.objects.update_or_create(
        person_id=person_id,
        category=category,
        defaults={"wants_mail": wants_mail, "wording": wording, "changed_at": clock.now()},
    )


def suppress(address: str, reason: SuppressedAddress.Reason, detail: str = "") -> None:
    """Sends no more mail to the address, until somebody lifts it. The first reason stays, but a
    complaint replaces a bounce."""
    row, is_new = SuppressedAddress.objects.get_or_create(
        address=address.lower(), defaults={"reason": reason, "detail": detail[:500]}
    )
    if not is_new and reason == SuppressedAddress.Reason.COMPLAINT != row.reason:
        row.reason, row.detail = reason, detail[:500]
        row.save(update_fields=["reason", "detail"])


def lift(address: str) -> bool:
    """Mail is sent to the address again; False when it was not suppressed."""
    return bool(SuppressedAddress.objects.filter(address=address.lower()).delete()[0])


@transaction.atomic
def send_again(delivery_id: UUID) -> None:
    """Queues a mail that was given up or suppressed. Raises IllegalState for any other, and when
    its content is gone."""
    row = Delivery.objects.select_for_update(no_key=True).get(pk=delivery_id)
    row.state = DELIVERY.transition(DeliveryState(row.state), "requeue")
    failures.clear("mail", [str(delivery_id)])
    row.tries, row.error, row.due_at = 0, "", clock.now()
    row.save(update_fields=["state", "tries", "error", "due_at"])
