"""Webhooks are handled: each is a hint at a payment, a refund or a dispute, which is looked up."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from uuid import UUID

import structlog
from django.db import DatabaseError, InterfaceError, connection

from matricula.flows import disputes, outside, reconcile, settle
from matricula.kernel import clock, correlation, failures
from matricula.kernel.errors import DomainError
from matricula.payments import inbox, queries, rules
from matricula.payments.errors import GatewayRefused
from matricula.payments.models import InboxEvent
from matricula.payments.port import Notice

BATCH = 100
# Between two batches: the three webhooks of a payment mostly come together, and many payments
# settle in one transaction.
PAUSE_SECONDS = 0.1
AFTER_FAILURE_SECONDS = 1.0
log = structlog.get_logger(__name__)
Told = tuple[InboxEvent, Notice]


def handle_due() -> int:
    """Takes the webhooks whose turn it is and handles them, all that speak of payments together;
    returns how many. What cannot be done now is tried again later."""
    taken = inbox.take(BATCH)
    told: list[Told] = []
    failed: dict[UUID, Exception] = {}
    for event in taken:
        try:
            told.append((event, inbox.notice_of(event)))
        except Exception as error:  # noqa: BLE001 - written down: what fails here fails alone
            failed[event.pk] = error
    hints = [one for one in told if _is_payment_hint(one[1])]
    for provider in {event.provider for event, _ in hints}:
        failed |= _settle_hinted(provider, [one for one in hints if one[0].provider == provider])
    ignored = []
    for event, notice in (one for one in told if not _is_payment_hint(one[1])):
        try:
            with correlation.following(event.correlation_id):
                if not act(event.provider, notice):
                    ignored.append(event.pk)
        except Exception as error:  # noqa: BLE001 - written down: what fails here fails alone
            failed[event.pk] = error
    for event in taken:
        if event.pk in failed:
            _put_off(event, failed[event.pk])
    done = {event.pk for event in taken} - failed.keys()
    inbox.finish(done.difference(ignored), InboxEvent.State.HANDLED)
    inbox.finish(ignored, InboxEvent.State.IGNORED)
    return len(taken)


def handle_until(stop: threading.Event) -> None:
    """Handles webhooks as they come, until told to stop. A database that is away is waited for. A
    thread of the worker, since a job for each would cost more than the work.
    """
    while not stop.is_set():
        try:
            pause = 0.0 if handle_due() == BATCH else PAUSE_SECONDS
        except (DatabaseError, InterfaceError) as error:
            log.warning("webhooks_not_read", error=str(error))
            pause = AFTER_FAILURE_SECONDS
        connection.close()
        stop.wait(pause)


def _is_payment_hint(notice: Notice) -> bool:
    return bool(notice.payment_id) and not notice.refund_id and not notice.is_dispute


def _settle_hinted(provider: str, hints: Sequence[Told]) -> dict[UUID, Exception]:
    """Settles the payments that these speak of; returns the webhooks for which that failed."""
    try:
        failed = settle.settle_all(
            provider, {notice.payment_id: event.correlation_id for event, notice in hints}
        )
    except Exception as error:
        if failures.is_outage(error):
            raise
        if len(hints) == 1:
            return {hints[0][0].pk: error}
        log.warning("webhooks_handled_one_by_one", count=len(hints), error=repr(error))
        alone = [_settle_hinted(provider, [one]) for one in hints]
        return {inbox_id: why for found in alone for inbox_id, why in found.items()}
    return {
        event.pk: failed[notice.payment_id]
        for event, notice in hints
        if notice.payment_id in failed
    }


def _put_off(event: InboxEvent, error: Exception) -> None:
    """Its turn comes again by itself; once that is no use any more, it is set aside."""
    if isinstance(error, DomainError):
        log.warning("webhook_not_handled", inbox=str(event.pk), error=error.code)
        why = f"{error.code}: {error.said if isinstance(error, GatewayRefused) else error.detail}"
    else:
        log.error("webhook_failed", inbox=str(event.pk), exc_info=error)
        why = failures.describe(error)
    is_patient = isinstance(error, DomainError) and error.retryable
    if is_patient and clock.now() - event.received_at < rules.WATCHED_FOR:
        inbox.put_off(event.pk, why)  # the gateway is away, and will be back
    elif event.tries + 1 < failures.MAX_TRIES:
        inbox.put_off(event.pk, why)
    else:
        inbox.set_aside(event, why)


def act(provider: str, notice: Notice) -> bool:
    """Looks up what a notice that is no plain hint at a payment speaks of; False when it is of a
    kind we have no use for."""
    if notice.is_dispute:
        disputes.handle(provider, notice)
        return True
    if notice.refund_id and notice.payment_id:
        settle.settle(provider, notice.payment_id)
        return outside.record_from_gateway(provider, notice.payment_id, notice.refund_id)
    if notice.order_id:
        payment = queries.of_gateway_order(provider, notice.order_id)
        if payment is not None:
            reconcile.check(payment.id)
            return True
    return False
