"""A payment is settled. One path for the browser's hand-back, the webhook and the reconciler: each
of them is only a hint that there is something to fetch.

What the gateway says now decides, never what the hint said. Granted is only money that is captured,
for our order, in our amount and currency. Everything happens under the locks of `flows/locked.py`,
so that of any number of hints at once the first one settles and the others find it done. Many
payments are settled in one transaction, one is the ordinary case of that; what the money buys is
in `flows/fulfil.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

import structlog
from django.db import transaction

from matricula.enrollments import actions as enrollments
from matricula.flows import fulfil, pay
from matricula.flows.locked import LockedOrder, lock_orders
from matricula.kernel import correlation, events
from matricula.kernel.connections import release_connection
from matricula.kernel.errors import DomainError
from matricula.kernel.events import NewEvent
from matricula.kernel.together import Together
from matricula.orders import actions as orders
from matricula.orders.states import OrderState
from matricula.payments import actions as payments
from matricula.payments import fetching, gateways, queries, rules
from matricula.payments.actions import Capture, NewRefund
from matricula.payments.errors import GatewayRefused, OutcomeUnknown, SignatureInvalid
from matricula.payments.models import Charge, Payment, Refund, StaffTask
from matricula.payments.port import HandBack, PaymentFacts
from matricula.payments.queries import PaymentRecord
from matricula.payments.states import ChargeState, PaymentState, Verdict
from matricula.pricing import actions as pricing

MOST_LOOKED_UP = 20
MOST_TOGETHER = 50
log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class News:
    """A payment as the gateway had it just now, and the correlation id of what brought it up."""

    facts: PaymentFacts
    correlation_id: str


@dataclass(frozen=True)
class Case:
    """A payment to be settled, with all that may change, locked. `charge` is its row where we know
    it already."""

    found: LockedOrder
    payment: Payment
    charge: Charge | None
    facts: PaymentFacts
    correlation_id: str

    def capture(self, verdict: Verdict) -> Capture:
        return Capture(self.payment.provider, self.facts, self.payment, self.charge, verdict)


def settle(provider: str, provider_payment_id: str) -> None:
    """Fetches the payment and settles what it is for. Repeating it changes nothing.

    Raises what `payments.errors` says of a gateway that cannot be asked.
    """
    record(provider, gateways.provider(provider).fetch_payment(provider_payment_id))


def settle_all(provider: str, hints: Mapping[str, str]) -> dict[str, Exception]:
    """`settle` for many payments, given with the correlation id of what brought each up. Returns
    those that could not be settled now, with the reason; all others are settled. What our books
    have as captured is not asked about: of that we know the end."""
    known = queries.captured_among(provider, hints)
    wanted = [payment_id for payment_id in hints if payment_id not in known]
    if not wanted:
        return {}
    release_connection()
    found = fetching.fetch_all(gateways.provider(provider), wanted)
    failed = {key: facts for key, facts in found.items() if isinstance(facts, Exception)}
    told = [
        News(facts, hints[key]) for key, facts in found.items() if not isinstance(facts, Exception)
    ]
    return {**failed, **record_all(provider, told)}


def hand_back(payment: PaymentRecord, given: HandBack) -> None:
    """The gateway's checkout has sent the browser back. Its signature is checked against the
    gateway order that we keep, then the payment is fetched and settled.

    Raises SignatureInvalid, and what `payments.errors` says of a silent gateway. Not to be called
    in a transaction: another thread may do it, with what others hand back.
    """
    provider = gateways.provider(payment.provider)
    if payment.provider_order_id is None:
        raise SignatureInvalid
    provider.verify_hand_back(given, payment.provider_order_id)
    if queries.captured_among(payment.provider, [given.payment_id]):
        return  # mostly the webhook was faster: then nobody's locks are waited for
    release_connection()
    facts = provider.fetch_payment(given.payment_id)
    _handed_back.do((payment.provider, News(facts, correlation.current())))


def _record_handed_back(told: Sequence[tuple[str, News]]) -> list[Exception | None]:
    failed = {
        (provider, payment_id): error
        for provider in {provider for provider, _ in told}
        for payment_id, error in record_all(
            provider, [news for name, news in told if name == provider]
        ).items()
    }
    return [failed.get((provider, news.facts.id)) for provider, news in told]


# Browsers that come back at the same moment are settled in one transaction, as webhooks are: their
# cohort's counter is locked once for all of them.
_handed_back = Together(_record_handed_back, most=MOST_TOGETHER)


def record(provider: str, facts: PaymentFacts) -> None:
    """Settles by facts that were fetched from the gateway just now."""
    for error in record_all(provider, [News(facts, correlation.current())]).values():
        raise error


def record_all(provider: str, told: Sequence[News]) -> dict[str, Exception]:
    """`record` for many. Returns those that could not be settled, with the reason."""
    failed: dict[str, Exception] = {}
    known = queries.of_gateway_orders(provider, (news.facts.order_id for news in told))
    ours: list[tuple[PaymentRecord, News]] = []
    for news in told:
        try:
            payment = known.get(news.facts.order_id) or _look_for(provider, news.facts.order_id)
        except DomainError as error:
            failed[news.facts.id] = error
            continue
        if payment is not None:
            ours.append((payment, news))
        else:
            _record_stranger(provider, news.facts)
    for group in _apart(ours):
        failed |= _settle_group(provider, group)
    return failed


def _look_for(provider: str, gateway_order_id: str) -> PaymentRecord | None:
    """Our payment for a gateway order that we don't know to be ours. Where we don't know which
    orders the gateway has made for us, those are looked up. Raises OutcomeUnknown when that cannot
    be finished now."""
    if not gateway_order_id:
        return None
    unknown = queries.without_gateway_order(provider, MOST_LOOKED_UP)
    for payment_id in unknown:
        try:
            found = pay.ensure_gateway_order(queries.find(payment_id), make=False)
        except GatewayRefused:
            continue
        if found.provider_order_id == gateway_order_id:
            return found
    if len(unknown) == MOST_LOOKED_UP:
        raise OutcomeUnknown
    return queries.of_gateway_order(provider, gateway_order_id)


@transaction.atomic
def _record_stranger(provider: str, facts: PaymentFacts) -> None:
    """Money for no order of ours: kept in sight until staff says what it is."""
    charge = payments.find_charge(provider, facts.id)
    if facts.status != "captured" or charge is not None:
        return
    capture = Capture(provider, facts, None, None, Verdict.QUARANTINED)
    _quarantine(capture, f"It names the order {facts.order_id or '(none)'}, which is not ours.")


def _apart(ours: Sequence[tuple[PaymentRecord, News]]) -> list[list[tuple[PaymentRecord, News]]]:
    """In groups that have each person once, in order: what a person's second payment does depends
    on the first."""
    groups: list[dict[UUID, tuple[PaymentRecord, News]]] = []
    for payment, news in ours:
        group = next((group for group in groups if payment.person_id not in group), None)
        if group is None:
            group = {}
            groups.append(group)
        group[payment.person_id] = (payment, news)
    return [list(group.values()) for group in groups]


def _settle_group(
    provider: str, group: Sequence[tuple[PaymentRecord, News]]
) -> dict[str, Exception]:
    """All in one transaction; where that fails, each in one of its own, so that one that cannot be
    settled keeps no other from it."""
    try:
        with transaction.atomic():
            _settle_together(provider, group)
    except Exception as error:  # noqa: BLE001 - handed back: raised, or written down, by the caller
        if len(group) == 1:
            return {group[0][1].facts.id: error}
        log.warning("payments_settled_apart", count=len(group), error=repr(error))
        apart = [_settle_group(provider, [one]) for one in group]
        return {key: found for failed in apart for key, found in failed.items()}
    return {}


def _settle_together(provider: str, group: Sequence[tuple[PaymentRecord, News]]) -> None:
    locked = lock_orders([payment.order_id for payment, _ in group])
    charges = payments.find_charges(provider, (news.facts.id for _, news in group))
    paid = []
    for payment, news in group:
        found, facts = locked[payment.order_id], news.facts
        charge = charges.get(facts.id)
        case = Case(found, found.payment(payment.id), charge, facts, news.correlation_id)
        with correlation.following(case.correlation_id):
            if facts.status != "captured":
                _note(case)
            elif (charge is None or charge.state != ChargeState.CAPTURED) and _is_due(case):
                paid.append(case)
    _pay(paid)


def _note(case: Case) -> None:
    """Not captured: the attempt is on its way, or failed. The seats stay held."""
    found, payment, facts = case.found, case.payment, case.facts
    before = case.charge.state if case.charge is not None else None
    charge = payments.note_charge(case.charge, payment, payment.provider, facts)
    if charge.state == before:
        return
    data: dict[str, Any] = {"payment": str(payment.pk)}
    if facts.status == "authorized" and payments.move_if_allowed(payment, "authorize"):
        events.append(fulfil.on_lines(found, "payment.processing", data))
    elif (
        facts.status == "failed"
        and not _has_other_hope(payment, charge)
        and payments.fail(payment, facts.failure_code, facts.failure_detail)
    ):
        data["code"] = facts.failure_code or "failed"
        events.append(fulfil.on_lines(found, "payment.failed", data))


def _has_other_hope(payment: Payment, charge: Charge) -> bool:
    """Whether another attempt on the same order is authorized: then this failure is not the end."""
    others = payment.charges.exclude(pk=charge.pk)
    return others.filter(state=ChargeState.AUTHORIZED).exists()


def _is_due(case: Case) -> bool:
    """Whether captured money is what the order waits for. If not, it is dealt with here: what does
    not fit is quarantined, what comes on top is given back."""
    found, payment, facts = case.found, case.payment, case.facts
    if not rules.fits(facts, payment.amount):
        wanted = f"It should be {payment.amount.major} {payment.currency}."
        _quarantine(case.capture(Verdict.QUARANTINED), wanted)
        data = {"payment": str(payment.pk), "quarantined": True}
        events.append(fulfil.on_lines(found, "payment.processing", data))
        return False
    if facts.amount_refunded == facts.amount:
        # It came and went before we heard of it: nothing is granted for what is gone.
        _quarantine(case.capture(Verdict.QUARANTINED), "It was given back at the gateway already.")
        return False
    if found.order.state == OrderState.PAID or payment.state == PaymentState.CAPTURED:
        (charge,) = payments.record_captures([case.capture(Verdict.EXTRA)])
        fulfil.give_back(found, charge, NewRefund(facts.amount, Refund.Cause.EXTRA, "Paid twice."))
        return False
    return True


def _quarantine(capture: Capture, why: str) -> None:
    (charge,) = payments.record_captures([capture])
    payments.open_task(
        StaffTask.Kind.QUARANTINE,
        charge.provider_payment_id,
        f"{charge.amount.major} {charge.currency} arrived and fit no order. {why}",
        charge=charge,
    )


def _pay(cases: Sequence[Case]) -> None:
    """The money for these orders is there. Decides what becomes of it, once and for all."""
    if not cases:
        return
    refusals = fulfil.take_seats([(case.found, case.payment) for case in cases])
    decided = list(zip(cases, refusals, strict=True))
    is_paid = [len(refused) < len(case.found.lines) for case, refused in decided]
    charges = payments.record_captures(
        [
            case.capture(Verdict.SETTLED if paid else Verdict.LATE)
            for case, paid in zip(cases, is_paid, strict=True)
        ]
    )
    payments.capture([case.payment for case in cases])
    _confirm(decided)
    for (case, refused), charge in zip(decided, charges, strict=True):
        if refused:
            with correlation.following(case.correlation_id):
                fulfil.refuse(case.found, charge, refused)
    won = [case.found.order for case, paid in zip(cases, is_paid, strict=True) if paid]
    orders.pay(won)
    pricing.use_coupons(order.pk for order in won)
    _close([case.found for case, paid in zip(cases, is_paid, strict=True) if not paid])


def _confirm(decided: Sequence[tuple[Case, fulfil.Refusals]]) -> None:
    """The lines that have their seat are confirmed and access begins; it is told on each."""
    rows, told = [], []
    for case, refused in decided:
        data = {"payment": str(case.payment.pk), **fulfil.amount_of(case.facts.amount)}
        lines = [line for line in case.found.lines if line.pk not in refused]
        said = fulfil.on_lines(case.found, "payment.completed", data)
        said += fulfil.confirmed(case.found, lines)
        told += [_caused_by(event, case) for event in said]
        rows += [case.found.enrollment_of(line) for line in lines]
    enrollments.confirm_paid(rows)
    events.append(told)


def _caused_by(event: NewEvent, case: Case) -> NewEvent:
    return replace(event, correlation_id=case.correlation_id)


def _close(lost: Sequence[LockedOrder]) -> None:
    """Orders that came to nothing, though paid, hold nothing any more."""
    still_open = [found.order for found in lost if found.order.state == OrderState.OPEN]
    for order in still_open:
        orders.move(order, "expire")
    if still_open:
        pricing.release_coupons(order.pk for order in still_open)
