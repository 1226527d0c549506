"""Nobody has told us how a payment ended, so we ask: every unsettled payment now and then, and once
a day every captured payment of the gateway against our books, both ways.

Webhooks only make it faster. With all of them lost, this alone brings every captured payment to an
enrollment, a refund, or an open staff task.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from django.conf import settings
from django.db import transaction

from matricula.enrollments.errors import PaymentRequired
from matricula.flows import outside, pay, refund, settle
from matricula.kernel import clock, failures
from matricula.kernel.connections import release_connection
from matricula.kernel.days import day_at
from matricula.kernel.errors import DomainError
from matricula.kernel.failures import WorkQueue
from matricula.payments import actions as payments
from matricula.payments import fetching, gateways, ledger, queries
from matricula.payments.errors import GatewayRefused, GatewayUnavailable
from matricula.payments.models import Charge, InboxEvent, Payment, StaffTask
from matricula.payments.port import Listing, PaymentFacts
from matricula.payments.queries import PaymentRecord
from matricula.payments.states import PAYMENT, UNSETTLED, ChargeState, PaymentState

BATCH = 50
COMPARED = timedelta(hours=48)
RECENT = timedelta(minutes=30)
# How long a captured payment may be known to the gateway alone before it counts as a difference.
LONGEST_DELAY = timedelta(minutes=10)
# Razorpay captures by itself; one it left alone that long is captured by us, if a seat is held.
LONGEST_AUTHORIZED = timedelta(minutes=1)

log = structlog.get_logger(__name__)
REFUNDS = failures.register(WorkQueue(name="refunds", title="Refunds to send"))
FOUND = failures.register(WorkQueue(name="captured_payments", title="Captured payments found"))


@dataclass
class Summary:
    """What a visit found."""

    checked: int = 0
    unanswered: int = 0
    compared: int = 0
    settled: int = 0
    differences: int = 0
    is_silent: bool = False  # the gateway gave no answer: not all that was due was asked about


def check_due(limit: int = BATCH) -> Summary:
    """Asks about every payment whose turn it is, a few at once. A gateway that answers none of a
    few hangs, most likely: the others stay due, or each would wait for it as long as a call may
    take."""
    due = queries.due_checks(limit)
    summary = Summary()
    for start in range(0, len(due), fetching.AT_ONCE):
        asked = due[start : start + fetching.AT_ONCE]
        failed = check_all(asked)
        summary.checked += len(asked)
        summary.unanswered += len(failed)
        if is_silent(asked, failed):
            summary.is_silent = True
            break
    return summary


def is_silent(asked: Sequence[UUID], failed: Mapping[UUID, Exception]) -> bool:
    """Whether the gateway answered nothing at all of what was asked."""
    return len(failed) == len(asked) and all(
        isinstance(reason, GatewayUnavailable) for reason in failed.values()
    )


def check(payment_id: UUID) -> None:
    """Asks the gateway for all attempts on the payment's order and settles each.

    Raises what `payments.errors` says of a gateway that cannot be asked.
    """
    for error in check_all([payment_id]).values():
        raise error


def check_all(payment_ids: Sequence[UUID]) -> dict[UUID, Exception]:
    """`check` for many, asked for several at once. Returns those that could not be asked about or
    settled now, with the reason.

    The next visits are planned first, so that several workers don't ask at once. Only the network
    is waited for in threads: the database is spoken to by the caller's connection alone.
    """
    with transaction.atomic():
        for payment_id in sorted(payment_ids):
            payments.plan_check(payments.lock(payment_id), clock.now())
    known, failed = _with_gateway_orders(payment_ids)
    release_connection()
    for payment, found in zip(known, fetching.attempts_on(known), strict=True):
        try:
            for facts in _settled(payment, found):
                if facts.status == "authorized":
                    _capture_left_alone(payment.id, facts)
        except Exception as error:
            if failures.is_outage(error):
                raise
            failed[payment.id] = error
    for payment_id, reason in failed.items():
        log.warning("payment_not_checked", payment=str(payment_id), error=repr(reason))
    return failed


def _with_gateway_orders(
    payment_ids: Sequence[UUID],
) -> tuple[list[PaymentRecord], dict[UUID, Exception]]:
    """Those of the payments that the gateway has an order of, which is looked for where we don't
    know of one; and those that could not be looked for. Once it gives no answer, the others are not
    looked for one after the other: they fail with the same."""
    known: list[PaymentRecord] = []
    failed: dict[UUID, Exception] = {}
    silence: GatewayUnavailable | None = None
    for payment_id in payment_ids:
        payment = queries.find(payment_id)
        if payment.provider_order_id is None:
            if silence is not None:
                failed[payment_id] = silence
                continue
            try:
                payment = pay.ensure_gateway_order(payment, make=False)
            except DomainError as refusal:
                failed[payment_id] = refusal
                silence = refusal if isinstance(refusal, GatewayUnavailable) else None
        if payment.provider_order_id is not None:
            known.append(payment)
    return known, failed


def _settled(
    payment: PaymentRecord, found: Listing[PaymentFacts] | Exception
) -> Sequence[PaymentFacts]:
    """What the gateway said of a payment's attempts, settled; raised where it said nothing."""
    if isinstance(found, Exception):
        raise found
    payments.report_unreadable(payment.provider, found.unreadable)
    for facts in found.items:
        settle.record(payment.provider, facts)
    return found.items


def look_up(payment_id: UUID) -> None:
    """Settles by what the gateway says now of every attempt on the payment's order. Raises
    NotFound, and what `payments.errors` says of a gateway that cannot be asked."""
    payment = queries.find(payment_id)
    if payment.provider_order_id is None:
        return
    (found,) = fetching.attempts_on([payment])
    _settled(payment, found)


def _capture_left_alone(payment_id: UUID, facts: PaymentFacts) -> None:
    """Captures what the gateway has not captured by itself, while the seats are held. Without seats
    it is left alone: the gateway gives uncaptured money back by itself."""
    payment = queries.find(payment_id)
    is_young = facts.created_at is not None and clock.now() - facts.created_at < LONGEST_AUTHORIZED
    can_capture = PAYMENT.allows(payment.state, "capture")
    if is_young or not can_capture or payment.state is PaymentState.CANCELLED:
        return
    if facts.amount != payment.amount:
        return
    gateways.provider(payment.provider).capture(facts.id, facts.amount)
    settle.settle(payment.provider, facts.id)


def send_due_refunds(limit: int = BATCH) -> int:
    """Sends, or looks up, every refund whose turn it is, as long as the gateway answers; returns
    how many. The others stay due."""
    sent: list[bool] = []
    for refund_id in queries.due_refunds(limit):
        sent += failures.run_each(REFUNDS.name, [refund_id], refund.send)
        if sent and not sent[-1]:
            break
    return len(sent)


def compare(provider_name: str, start: datetime, end: datetime) -> Summary:
    """Compares the gateway's captured payments with our books, both ways. What only the gateway
    knows is settled; what only we know becomes a staff task.
    """
    seen: set[str] = set()
    summary = _settle_unheard(provider_name, start, end, seen)
    summary.differences = _report_missing(provider_name, start, end, seen)
    return summary


def settle_unheard() -> Summary:
    """Captured payments of the last half hour that nobody has told us of: webhooks that were lost,
    second payments of an order, orders whose making had no answer. One call for a hundred."""
    end = clock.now()
    return _settle_unheard(gateways.default_provider().name, end - RECENT, end, set())


def _settle_unheard(provider_name: str, start: datetime, end: datetime, seen: set[str]) -> Summary:
    summary = Summary()
    provider = gateways.provider(provider_name)
    release_connection()
    for page in provider.captured_between(start, end):
        payments.report_unreadable(provider_name, page.unreadable)
        seen.update(item.id for item in page.unreadable)
        seen.update(facts.id for facts in page.items)
        summary.compared += len(page.items)
        settled = failures.run_each(
            FOUND.name,
            page.items,
            lambda found: _settle_or_compare(provider_name, found),
            reference=lambda found: found.id,
        )
        summary.settled += sum(settled)
    return summary


def _settle_or_compare(provider_name: str, facts: PaymentFacts) -> bool:
    """Whether the captured payment was new to our books."""
    ours = Charge.objects.filter(provider=provider_name, provider_payment_id=facts.id).first()
    is_new = ours is None or ours.state != ChargeState.CAPTURED
    try:
        if is_new:
            settle.record(provider_name, facts)
        elif facts.amount_refunded:
            _compare_refunds(provider_name, facts)
    except DomainError as error:
        log.warning("payment_not_settled", charge=facts.id, error=error.code)
    return is_new


def _compare_refunds(provider_name: str, facts: PaymentFacts) -> None:
    """Refunds made at the gateway and not here are found when its sum is not ours."""
    charge = Charge.objects.get(provider=provider_name, provider_payment_id=facts.id)
    if ledger.balance(charge).refunded == facts.amount_refunded:
        return
    listing = gateways.provider(provider_name).refunds_of_payment(facts.id)
    payments.report_unreadable(provider_name, listing.unreadable)
    for found in listing.items:
        outside.record_from_gateway(provider_name, facts.id, found.id)


def _report_missing(provider_name: str, start: datetime, end: datetime, seen: set[str]) -> int:
    """Captured by our books in that time, and unknown to the gateway."""
    rows = Charge.objects.filter(
        provider=provider_name,
        state=ChargeState.CAPTURED,
        captured_at__gte=start + LONGEST_DELAY,
        captured_at__lt=end - LONGEST_DELAY,
    )
    missing = 0
    for charge in rows.exclude(provider_payment_id__in=seen):
        try:
            facts = gateways.provider(provider_name).fetch_payment(charge.provider_payment_id)
        except GatewayUnavailable:
            continue  # asked again tomorrow
        except GatewayRefused:
            facts = None
        if facts is None or facts.status != "captured":
            missing += 1
            payments.open_task(
                StaffTask.Kind.GATEWAY,
                f"missing {charge.provider_payment_id}",
                "Our books have this payment as captured, the gateway does not.",
                charge=charge,
            )
    return missing


def run_now(hours: int) -> Summary:
    """Everything at once, for staff: open payments, due refunds, and the last hours' comparison."""
    unsettled = Payment.objects.filter(state__in=UNSETTLED, next_check_at__isnull=False)
    asked = list(unsettled.values_list("pk", flat=True))
    summary = Summary(checked=len(asked))
    for start in range(0, len(asked), BATCH):
        summary.unanswered += len(check_all(asked[start : start + BATCH]))
    send_due_refunds()
    end = clock.now()
    try:
        found = compare(gateways.default_provider().name, end - timedelta(hours=hours), end)
    except (GatewayUnavailable, PaymentRequired):
        summary.unanswered += 1
        return summary
    summary.compared, summary.settled = found.compared, found.settled
    summary.differences = found.differences
    return summary


def compare_lately() -> Summary:
    """The last two days at the gateway that is set up, and whether its webhooks still come."""
    end = clock.now()
    provider = gateways.default_provider()
    summary = compare(provider.name, end - COMPARED, end)
    heard = InboxEvent.objects.filter(provider=provider.name, received_at__gte=end - COMPARED)
    if summary.compared and not heard.exists():
        day = day_at(end, settings.ENVIRONMENT.time_zone).isoformat()
        payments.open_task(
            StaffTask.Kind.GATEWAY,
            f"no webhooks {day}",
            f"{provider.name} captured payments in the last two days, and not one webhook came. "
            "It may have disabled the webhook: see its dashboard. Payments are still found by "
            "asking, minutes later.",
        )
    return summary
