"""Webhooks that came in: verified, written down as they were, and answered at once. The worker
handles them, any number of times.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from uuid import UUID

from django.db import transaction
from django.db.models.functions import Now

from matricula.kernel import correlation
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


def receive(provider: str, headers: Mapping[str, str], body: bytes) -> bool:
    """Stores a webhook, to be handled by the worker; False for one that is stored already.

    Raises NotFound for an unknown provider, SignatureInvalid, and MalformedRequest.
    """
    kept = {name: headers[name][:LONGEST_HEADER] for name in KEPT_HEADERS if name in headers}
    try:
        notice = gateways.provider(provider).read_webhook(kept, body)
    except SignatureInvalid:
        _keep_sample(provider, kept, body)
        raise
    made = InboxEvent.objects.bulk_create(
        [
            InboxEvent(
                provider=provider,
                event_id=notice.event_id,
                type=notice.type[:80],
                headers=kept,
                body=body,
                correlation_id=correlation.current(),
            )
        ],
        ignore_conflicts=True,
    )
    # Whether the row is ours is seen by reading it: a duplicate has kept its own id.
    return InboxEvent.objects.filter(pk=made[0].pk).exists()


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
    rows.update(state=InboxEvent.State.FAILED, error=why[:LONGEST_ERROR])


def replay(inbox_ids: Iterable[UUID]) -> int:
    """Has these handled again; returns how many."""
    rows = InboxEvent.objects.filter(pk__in=list(inbox_ids))
    return rows.update(state=InboxEvent.State.RECEIVED, next_try_at=Now(), tries=0, error="")


def _keep_sample(provider: str, headers: Mapping[str, str], body: bytes) -> None:
    rows = RejectedWebhook.objects.filter(provider=provider)
    if rows.filter(received_at__gt=Now() - PAUSE_BETWEEN_REJECTED).exists():
        return
    RejectedWebhook.objects.create(
        provider=provider, headers=dict(headers), body=body[:LARGEST_REJECTED]
    )
    kept = rows.order_by("-pk").values_list("pk", flat=True)[:MOST_REJECTED]
    rows.exclude(pk__in=list(kept)).delete()
