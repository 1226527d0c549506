"""Webhooks that came in: verified, written down as they were, and answered at once. The worker
handles them, any number of times.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.db.models.functions import Now
from psycopg.types.json import Jsonb

from matricula.kernel import correlation, failures, ids
from matricula.kernel.failures import WorkQueue
from matricula.kernel.foreign_text import storable
from matricula.payments import gateways, rules
from matricula.payments.errors import SignatureInvalid
from matricula.payments.models import InboxEvent, RejectedWebhook
from matricula.payments.port import Notice

LARGEST_BODY = 1_000_000
# What is kept of the headers: what a replay needs, and what helps staff; nothing secret.
KEPT_HEADERS = ("content-type", "user-agent", "x-razorpay-event-id", "x-razorpay-signature")
LONGEST_HEADER = 300
LONGEST_ERROR = 500
# Of what fails its signature a bounded sample is kept, apart, so that a flood fills nothing.
MOST_REJECTED = 100
LARGEST_REJECTED = 65_536
PAUSE_BETWEEN_REJECTED = timedelta(seconds=1)


# Writes down any number of webhooks; returns the ids of those that were not there already.
STORE = """
    INSERT INTO payments_inboxevent
           (id, provider, event_id, type, headers, body, correlation_id, state, tries, error)
    SELECT g.id, g.provider, g.event_id, g.type, g.headers, g.body, g.correlation_id,
           'received', 0, ''
      FROM unnest(%s::uuid[], %s::text[], %s::text[], %s::text[], %s::jsonb[], %s::bytea[],
                  %s::text[])
           AS g(id, provider, event_id, type, headers, body, correlation_id)
    ON CONFLICT (provider, event_id) DO NOTHING
    RETURNING id
"""


@dataclass(frozen=True)
class NewWebhook:
    """A webhook whose signature was checked, to be written down."""

    id: UUID
    provider: str
    event_id: str
    type: str
    headers: Mapping[str, str]
    body: bytes
    correlation_id: str


def read(provider: str, headers: Mapping[str, str], body: bytes) -> NewWebhook:
    """Verifies a webhook, without the database. Header names are in lower case.

    Raises NotFound for an unknown provider, SignatureInvalid, and MalformedRequest.
    """
    kept = {name: headers[name][:LONGEST_HEADER] for name in KEPT_HEADERS if name in headers}
    notice = gateways.provider(provider).read_webhook(kept, body)
    return NewWebhook(
        id=ids.new_id(),
        provider=provider,
        event_id=storable(notice.event_id, 120),
        type=storable(notice.type, 80),
        headers=kept,
        body=body,
        correlation_id=correlation.current(),
    )


def columns(webhooks: Sequence[NewWebhook]) -> list[list[Any]]:
    """The parameters of `STORE` for these."""
    return [
        [webhook.id for webhook in webhooks],
        [webhook.provider for webhook in webhooks],
        [webhook.event_id for webhook in webhooks],
        [webhook.type for webhook in webhooks],
        [Jsonb(dict(webhook.headers)) for webhook in webhooks],
        [webhook.body for webhook in webhooks],
        [webhook.correlation_id for webhook in webhooks],
    ]


def receive(provider: str, headers: Mapping[str, str], body: bytes) -> bool:
    """Stores a webhook, to be handled by the worker; False for one that is stored already. Of what
    fails its signature a sample is kept. Raises what `read` raises."""
    try:
        webhook = read(provider, headers, body)
    except SignatureInvalid:
        _keep_sample(provider, headers, body)
        raise
    with connection.cursor() as cursor:
        cursor.execute(STORE, columns([webhook]))
        return cursor.fetchone() is not None


def notice_of(event: InboxEvent) -> Notice:
    """What a stored webhook says; its signature was checked when it came. Raises
    MalformedRequest.
    """
    return gateways.provider(event.provider).read_stored(event.headers, bytes(event.body))


def take(limit: int) -> list[InboxEvent]:
    """Up to so many webhooks whose turn it is, the longest waiting first, and puts their next turn
    off: they come again unless they are finished. Several workers take different ones."""
    with transaction.atomic():
        rows = InboxEvent.objects.select_for_update(skip_locked=True)
        due = rows.filter(next_try_at__lte=Now()).order_by("next_try_at")
        taken = list(due[:limit])
        for tries in {event.tries for event in taken}:
            same = [event.pk for event in taken if event.tries == tries]
            next_tries = min(tries + 1, 1000)
            InboxEvent.objects.filter(pk__in=same).update(
                tries=next_tries,
                next_try_at=Now() + rules.pause_before_retry(next_tries),
            )
    return taken


def finish(inbox_ids: Iterable[UUID], state: InboxEvent.State) -> None:
    """These are dealt with: handled, or ignored."""
    wanted = list(inbox_ids)
    if wanted:
        rows = InboxEvent.objects.filter(pk__in=wanted)
        rows.update(state=state, error="", next_try_at=None, handled_at=Now())


def put_off(inbox_id: UUID, why: str) -> None:
    """This one failed, and stays to be tried again."""
    rows = InboxEvent.objects.filter(pk=inbox_id)
    rows.update(state=InboxEvent.State.FAILED, error=storable(why, LONGEST_ERROR))


QUEUE = failures.register(
    WorkQueue(
        name="payment_webhooks",
        title="Payment webhooks",
        backlog="SELECT count(*), min(next_try_at) FROM ("
        "SELECT next_try_at FROM payments_inboxevent"
        " WHERE next_try_at <= now() ORDER BY next_try_at LIMIT 1000) due",
        retry=lambda inbox_id: replay([UUID(inbox_id)]),
        is_vital=True,
    )
)


def set_aside(event: InboxEvent, why: str) -> None:
    """It is tried no more until staff replays it."""
    with transaction.atomic():
        put_off(event.pk, why)
        InboxEvent.objects.filter(pk=event.pk).update(next_try_at=None)
        failures.set_aside(QUEUE.name, str(event.pk), why, event.tries + 1)


def replay(inbox_ids: Iterable[UUID]) -> int:
    """Has these handled again; returns how many."""
    wanted = list(inbox_ids)
    failures.clear(QUEUE.name, [str(inbox_id) for inbox_id in wanted])
    rows = InboxEvent.objects.filter(pk__in=wanted)
    return rows.update(state=InboxEvent.State.RECEIVED, next_try_at=Now(), tries=0, error="")


def _keep_sample(provider: str, headers: Mapping[str, str], body: bytes) -> None:
    kept = {name: headers[name][:LONGEST_HEADER] for name in KEPT_HEADERS if name in headers}
    rows = RejectedWebhook.objects.filter(provider=provider)
    if rows.filter(received_at__gt=Now() - PAUSE_BETWEEN_REJECTED).exists():
        return
    RejectedWebhook.objects.create(provider=provider, headers=kept, body=body[:LARGEST_REJECTED])
    last = rows.order_by("-pk").values_list("pk", flat=True)[:MOST_REJECTED]
    rows.exclude(pk__in=list(last)).delete()
