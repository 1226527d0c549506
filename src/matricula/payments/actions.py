"""What writes payments, charges, refunds and tasks. All of it in the caller's transaction, under
the payment's row lock where one exists.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import structlog
from django.contrib.postgres.functions import TransactionNow
from django.db.models import Q
from django.db.models.functions import Now

from matricula.kernel.money import Money
from matricula.payments import ledger, rules
from matricula.payments.models import (
    Charge,
    Dispute,
    Payment,
    Refund,
    RefundPart,
    StaffTask,
)
from matricula.payments.port import (
    DisputeFacts,
    GatewayOrder,
    PaymentFacts,
    RefundFacts,
    UnreadableItem,
)
from matricula.payments.states import (
    CHARGE,
    PAYMENT,
    REFUND,
    ChargeState,
    PaymentState,
    RefundState,
    Verdict,
)

LONGEST_DETAIL = 500
log = structlog.get_logger(__name__)
_LONGEST_CAUSE = 80
_LOCK_CHARGES = """
SELECT * FROM payments_charge WHERE provider = %s AND provider_payment_id = ANY (%s::text[])
 ORDER BY id FOR UPDATE
"""
_LOCK_OF_ORDERS = """
SELECT * FROM payments_payment WHERE order_id = ANY (%s::uuid[]) ORDER BY id FOR UPDATE
"""


def begin(order_id: UUID, provider: str, amount: Money) -> Payment:
    """Records that this order's money is to be asked for; the gateway has not been told yet."""
    return Payment.objects.create(
        order_id=order_id,
        provider=provider,
        amount_minor=amount.minor,
        currency=amount.currency,
        next_check_at=TransactionNow() + rules.FIRST_CHECK,
    )


def lock(payment_id: UUID) -> Payment:
    """The payment's row, locked until the transaction ends."""
    return Payment.objects.select_for_update().get(pk=payment_id)


def lock_of_orders(order_ids: Sequence[UUID]) -> list[Payment]:
    """The payments of these orders, locked in id order."""
    return list(Payment.objects.raw(_LOCK_OF_ORDERS, [list(order_ids)]))


def move(payment: Payment, trigger: str) -> PaymentState:
    """Moves a locked payment that is not captured (see `capture`) and saves it. Raises IllegalState
    when there is no such move."""
    payment.state = PAYMENT.transition(PaymentState(payment.state), trigger)
    if trigger != "fail":
        payment.failure_code = payment.failure_detail = ""
    payment.save()
    return PaymentState(payment.state)


def capture(locked: Sequence[Payment]) -> None:
    """The money for these locked payments is there. Raises IllegalState when one cannot be
    captured; none is changed then."""
    for payment in locked:
        payment.state = PAYMENT.transition(PaymentState(payment.state), "capture")
    rows = Payment.objects.filter(pk__in=[payment.pk for payment in locked])
    rows.update(
        state=PaymentState.CAPTURED,
        completed_at=Now(),
        next_check_at=None,
        failure_code="",
        failure_detail="",
    )


def move_if_allowed(payment: Payment, trigger: str) -> bool:
    """As `move` where the table has the move: news that comes too late changes nothing."""
    if not PAYMENT.allows(PaymentState(payment.state), trigger):
        return False
    move(payment, trigger)
    return True


def record_order(payment: Payment, order: GatewayOrder) -> PaymentState:
    """The gateway has made the order, also when the payment was cancelled meanwhile: then money
    that still arrives is recognised and given back. The state afterwards."""
    payment.provider_order_id = order.id
    if PAYMENT.allows(PaymentState(payment.state), "open"):
        payment.state = PAYMENT.transition(PaymentState(payment.state), "open")
        payment.failure_code = payment.failure_detail = ""
    payment.save(update_fields=["provider_order_id", "state", "failure_code", "failure_detail"])
    return PaymentState(payment.state)


def fail(payment: Payment, code: str, detail: str) -> bool:
    """An attempt failed. The order may be paid by another; False for stale news."""
    if not PAYMENT.allows(PaymentState(payment.state), "fail"):
        return False
    payment.failure_code, payment.failure_detail = code[:80], detail[:LONGEST_DETAIL]
    move(payment, "fail")
    return True


def plan_check(payment: Payment, at: datetime) -> None:
    """When to ask the gateway next; never again after three days."""
    payment.checks = min(payment.checks + 1, 1000)
    next_at = at + rules.pause_before_check(payment.checks)
    is_over = at > payment.created_at + rules.WATCHED_FOR
    payment.next_check_at = None if is_over else next_at
    payment.save(update_fields=["checks", "next_check_at"])


# --- charges ----------------------------------------------------------------------------------


def find_charge(provider: str, provider_payment_id: str) -> Charge | None:
    """The charge's row, locked, if it is known already."""
    return find_charges(provider, [provider_payment_id]).get(provider_payment_id)


def find_charges(provider: str, provider_payment_ids: Iterable[str]) -> dict[str, Charge]:
    """The rows of those of these charges that are known already, locked in id order."""
    rows = Charge.objects.raw(_LOCK_CHARGES, [provider, list(provider_payment_ids)])
    return {row.provider_payment_id: row for row in rows}


def note_charge(
    charge: Charge | None, payment: Payment | None, provider: str, facts: PaymentFacts
) -> Charge:
    """What the gateway says of a charge that it has not captured. Stale news changes nothing."""
    if charge is None:
        return Charge.objects.create(payment=payment, provider=provider, **_columns(facts))
    trigger = {"failed": "fail", "authorized": "authorize"}.get(facts.status, "")
    if CHARGE.allows(ChargeState(charge.state), trigger):
        _save(charge, facts)
    return charge


@dataclass(frozen=True)
class Capture:
    """Captured money, and what becomes of it. `charge` is its locked row where it is known already,
    `payment` what it was asked for by, None for money that is for no order of ours."""

    provider: str
    facts: PaymentFacts
    payment: Payment | None
    charge: Charge | None
    verdict: Verdict


def record_captures(captures: Sequence[Capture]) -> list[Charge]:
    """The money is there: recorded with what becomes of it, and in the ledger. The charges, in the
    same order."""
    charges = [_captured(capture) for capture in captures]
    Charge.objects.bulk_create(
        charge for charge, capture in zip(charges, captures, strict=True) if capture.charge is None
    )
    ledger.write_all(
        (charge, ledger.Kind.CAPTURE, capture.facts.amount, capture.facts.id)
        for charge, capture in zip(charges, captures, strict=True)
    )
    return charges


def _captured(capture: Capture) -> Charge:
    """The charge as it is now, saved where it was known before."""
    decided: dict[str, Any] = {"verdict": capture.verdict, "captured_at": Now()}
    if capture.charge is None:
        columns = _columns(capture.facts)
        return Charge(payment=capture.payment, provider=capture.provider, **columns, **decided)
    CHARGE.transition(ChargeState(capture.charge.state), "capture")
    _save(capture.charge, capture.facts, **decided)
    return capture.charge


def _columns(facts: PaymentFacts) -> dict[str, Any]:
    return {
        "provider_payment_id": facts.id,
        "state": ChargeState(facts.status),
        "amount_minor": facts.amount.minor,
        "currency": facts.amount.currency,
        "fee_minor": facts.fee.minor if facts.fee is not None else None,
        "method": facts.method[:20],
        "failure_code": facts.failure_code[:80],
        "failure_detail": facts.failure_detail[:LONGEST_DETAIL],
    }


def _save(charge: Charge, facts: PaymentFacts, **more: Any) -> None:
    for name, value in {**_columns(facts), **more}.items():
        setattr(charge, name, value)
    charge.save()


# --- refunds ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class NewRefund:
    """Money to be given back. `parts`: minor units of each order line; they sum to the amount, or
    there are none."""

    amount: Money
    cause: Refund.Cause
    reason: str = ""
    parts: Mapping[UUID, int] | None = None
    requested_by: UUID | None = None


def request_refund(charge: Charge, new: NewRefund) -> Refund:
    """Writes the refund down, to be sent by the worker. The caller holds the charge's row and has
    seen that the balance allows it; that it does is checked once more.

    Raises ValueError for more than the balance: a defect of the caller, not of the input.
    """
    if not Money.zero(charge.currency) < new.amount <= ledger.balance(charge).refundable:
        raise ValueError(f"{new.amount} cannot be refunded from charge {charge.pk}")
    parts = new.parts or {}
    if parts and sum(parts.values()) != new.amount.minor:
        raise ValueError("the parts of a refund sum to it")
    refund = Refund.objects.create(
        charge=charge,
        cause=new.cause,
        amount_minor=new.amount.minor,
        currency=new.amount.currency,
        reason=new.reason[:LONGEST_DETAIL],
        requested_by_id=new.requested_by,
        next_try_at=TransactionNow(),
    )
    RefundPart.objects.bulk_create(
        RefundPart(refund=refund, line_id=line_id, amount_minor=minor)
        for line_id, minor in parts.items()
        if minor
    )
    return refund


def lock_refund(refund_id: UUID) -> Refund:
    """The refund's row and its charge's, locked; the charge first."""
    charge_id = Refund.objects.values_list("charge_id", flat=True).get(pk=refund_id)
    Charge.objects.select_for_update().get(pk=charge_id)
    return Refund.objects.select_for_update(of=("self",)).select_related("charge").get(pk=refund_id)


def plan_retry(refund: Refund, at: datetime) -> None:
    """When to try the refund again."""
    refund.tries = min(refund.tries + 1, 1000)
    accepted = refund.state == RefundState.PENDING
    pause = rules.pause_before_check if accepted else rules.pause_before_retry
    refund.next_try_at = at + pause(refund.tries)
    refund.save(update_fields=["tries", "next_try_at"])


def lose_sight_of(refund: Refund) -> None:
    """The gateway did not answer: whether the refund was made must be looked up."""
    if refund.state == RefundState.REQUESTED:
        refund.state = REFUND.transition(RefundState.REQUESTED, "lose_sight")
        refund.save(update_fields=["state"])


def record_refund(refund: Refund, facts: RefundFacts) -> RefundState | None:
    """What the gateway says of the refund; the new state, or None when it is no news.

    Accepted money leaves the balance; money that could not be delivered returns to it.
    """
    trigger = {"pending": "accept", "processed": "process", "failed": "fail"}[facts.status]
    if not REFUND.allows(RefundState(refund.state), trigger):
        return None
    refund.provider_refund_id = facts.id
    ledger.write_out(refund.charge, ledger.Kind.REFUND, facts.amount, facts.id)
    if trigger == "fail":
        ledger.write_return(refund.charge, ledger.Kind.REFUND, facts.amount, facts.id)
    return _move_refund(refund, trigger, facts.failure_detail)


def fail_refund(refund: Refund, detail: str) -> RefundState:
    """The gateway refused the refund: no money moved."""
    return _move_refund(refund, "fail", detail)


def _move_refund(refund: Refund, trigger: str, detail: str) -> RefundState:
    refund.state = REFUND.transition(RefundState(refund.state), trigger)
    is_over = refund.state in {RefundState.PROCESSED, RefundState.FAILED}
    refund.completed_at = Now() if is_over else None
    refund.failure_detail = detail[:LONGEST_DETAIL]
    # An accepted one is looked up now and then, in case nobody tells us its end.
    refund.next_try_at = None if is_over else TransactionNow() + rules.FIRST_CHECK
    refund.tries = 0
    refund.save()
    return RefundState(refund.state)


def adopt_refund(charge: Charge, facts: RefundFacts) -> Refund:
    """A refund that was made at the gateway and not here."""
    return Refund.objects.create(
        charge=charge,
        cause=Refund.Cause.OUTSIDE,
        amount_minor=facts.amount.minor,
        currency=facts.amount.currency,
        next_try_at=None,
    )


def assign_refund(refund: Refund, parts: Mapping[UUID, int]) -> None:
    """Says which lines a refund without parts is for, in minor units that sum to it. The caller
    holds its row.

    Raises ValueError for other sums, or where it has parts: a defect of the caller.
    """
    if sum(parts.values()) != refund.amount_minor or refund.parts.exists():
        raise ValueError(f"refund {refund.pk} cannot be assigned to these lines")
    RefundPart.objects.bulk_create(
        RefundPart(refund=refund, line_id=line_id, amount_minor=minor)
        for line_id, minor in parts.items()
        if minor
    )


# --- disputes and tasks -----------------------------------------------------------------------


@dataclass(frozen=True)
class DisputeNews:
    """A dispute that has moved on, and its status before (empty: it is new)."""

    dispute: Dispute
    before: str


def record_dispute(charge: Charge, facts: DisputeFacts, fetched_at: datetime) -> DisputeNews | None:
    """The dispute as the gateway had it at `fetched_at`; None when that is no news. What a lost one
    took leaves the balance, and returns to it when the dispute is won after all. The caller holds
    the charge's row."""
    rows = Dispute.objects.select_for_update()
    dispute = rows.filter(provider_dispute_id=facts.id).first()
    if dispute is None:
        dispute = Dispute(charge=charge, provider_dispute_id=facts.id)
    elif dispute.fetched_at is not None and fetched_at < dispute.fetched_at:
        return None
    before = dispute.status
    dispute.fetched_at = fetched_at
    dispute.respond_by = facts.respond_by or dispute.respond_by
    is_news = rules.may_dispute_move(before, facts.status)
    if is_news:
        dispute.status, dispute.reason = facts.status, facts.reason[:200] or dispute.reason
        if before != "lost":  # what it took is what it gives back
            dispute.amount_minor, dispute.currency = facts.amount.minor, facts.amount.currency
    dispute.save()
    if not is_news:
        return None
    taken = _taken(charge, dispute)
    if dispute.status == "lost":
        ledger.write_out(charge, ledger.Kind.DISPUTE_LOST, taken, facts.id)
    elif before == "lost":
        ledger.write_return(charge, ledger.Kind.DISPUTE_LOST, taken, facts.id)
    return DisputeNews(dispute, before)


def _taken(charge: Charge, dispute: Dispute) -> Money:
    """What losing the dispute takes from the charge. Settled in another currency, it is taken to be
    the whole charge, so that nothing is given back twice."""
    if dispute.currency != charge.currency:
        return charge.amount
    return Money(min(dispute.amount_minor, charge.amount_minor), charge.currency)


def open_task(
    kind: StaffTask.Kind,
    cause: str,
    detail: str,
    *,
    charge: Charge | None = None,
    refund: Refund | None = None,
    due_at: datetime | None = None,
) -> StaffTask:
    """Asks staff to decide. Asked once for a cause, however often it is noticed."""
    task, _ = StaffTask.objects.get_or_create(
        kind=kind,
        cause=cause,
        defaults={"detail": detail, "charge": charge, "refund": refund, "due_at": due_at},
    )
    return task


def report_unreadable(provider: str, items: Iterable[UnreadableItem]) -> None:
    """Staff is asked about items that a gateway listed and that could not be read."""
    for item in items:
        log.warning("gateway_item_unreadable", provider=provider, item=item.id, why=item.problem)
        open_task(
            StaffTask.Kind.GATEWAY,
            f"unreadable {item.id}",
            f"{provider} lists {item.id}, which cannot be read: {item.problem}. It was left out; "
            "everything else is being handled. Look at it in the gateway's dashboard.",
        )


def open_next_task(
    kind: StaffTask.Kind,
    cause: str,
    detail: str,
    *,
    charge: Charge | None = None,
    refund: Refund | None = None,
    due_at: datetime | None = None,
) -> StaffTask:
    """Asks staff about the next thing that happened to this cause. A task about it that is still
    open says it from now on; where all are closed, a new one is opened."""
    known = StaffTask.objects.filter(kind=kind).filter(
        Q(cause=cause) | Q(cause__startswith=f"{cause} ")
    )
    task = known.select_for_update().filter(closed_at=None).order_by("-pk").first()
    if task is not None:
        task.detail, task.due_at = detail, due_at
        task.save(update_fields=["detail", "due_at"])
        return task
    number = known.count() + 1
    suffix = f" {number}" if number > 1 else ""
    name = cause[: _LONGEST_CAUSE - len(suffix)] + suffix
    return open_task(kind, name, detail, charge=charge, refund=refund, due_at=due_at)


def update_open_tasks(kind: StaffTask.Kind, cause: str, detail: str) -> None:
    """Has the open tasks about this cause say this, without a date to answer by."""
    rows = StaffTask.objects.filter(kind=kind, closed_at=None)
    rows = rows.filter(Q(cause=cause) | Q(cause__startswith=f"{cause} "))
    rows.update(detail=detail, due_at=None)


def close_task(task_id: UUID, *, actor_id: UUID, resolution: str) -> bool:
    """Staff has dealt with it; False when it was closed already."""
    open_tasks = StaffTask.objects.filter(pk=task_id, closed_at__isnull=True)
    closed = open_tasks.update(closed_at=Now(), closed_by=actor_id, resolution=resolution)
    return closed == 1
