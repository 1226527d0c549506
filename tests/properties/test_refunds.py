"""Random histories of a paid cart against a model of its money: captures, second captures, partial
refunds, refunds that fail at once or days later or arrive after all, refunds made at the gateway,
lost and won disputes, cancelled enrollments. After every step the ledger says what the model says,
no more can be refunded than the gateway has, and no more goes back than came in. At the end all
can be cancelled, and nothing was credited twice.

`make histories` runs thousands; the suite a few.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from uuid import UUID

import pytest
from django.db import transaction
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from matricula.enrollments.models import Enrollment
from matricula.enrollments.states import Stage
from matricula.flows import cancel, cart, disputes, doctor, outside, pay, refund, settle
from matricula.flows.cart import Wish
from matricula.kernel import clock, ids
from matricula.kernel.errors import IllegalState
from matricula.kernel.money import Money
from matricula.orders.models import OrderLine
from matricula.payments import actions, ledger, queries
from matricula.payments.errors import GatewayRefused
from matricula.payments.models import Charge, Refund, RefundPart
from matricula.payments.port import DisputeFacts, PaymentFacts, RefundFacts
from matricula.payments.states import RefundState
from tests.properties.histories import histories
from tests.support.people import person

pytestmark = pytest.mark.django_db
COURSES = ("full-stack-development", "evening-lab")
HISTORIES = histories(25)

# What may happen: its name, which line, charge or refund, and how much.
STEPS = st.lists(
    st.tuples(
        st.sampled_from(
            [
                "staff",
                "policy",
                "pending",
                "processed",
                "failed",
                "refused",
                "again",
                "captured",
                "outside",
                "assign",
                "cancel",
                "disputed",
                "reviewed",
                "lost",
                "won",
            ]
        ),
        st.integers(0, 5),
        st.integers(1, 400_000),
    ),
    max_size=14,
)


@dataclass
class Sums:
    """What the model knows of one charge, in minor units."""

    captured: int
    back: int = 0  # confirmed by the gateway
    promised: int = 0  # asked for, not confirmed
    lost: int = 0  # to a dispute


@dataclass
class Book:
    """A paid cart, and the model of its money by charge."""

    order_id: UUID
    owner: UUID
    enrollments: Sequence[UUID]
    payment: queries.PaymentRecord
    charges: dict[UUID, Sums] = field(default_factory=dict)

    # --- what people do ---------------------------------------------------------------------

    def staff(self, which: int, minor: int) -> None:
        line = self.lines()[which % 2]
        row = refund.refund_by_staff(
            self.order_id,
            {line.pk: minor},
            actor_id=self.owner,
            reason="x",
            end_access=bool(minor % 2),
        )
        self.charges[row.charge_id].promised += minor

    def policy(self, which: int, _minor: int) -> None:
        known = set(Refund.objects.values_list("pk", flat=True))
        refund.refund_by_policy(self.enrollments[which % 2], self.owner, actor_id=self.owner)
        row = Refund.objects.exclude(pk__in=known).get()
        self.charges[row.charge_id].promised += row.amount_minor

    def again(self, which: int, _minor: int) -> None:
        if row := self.refund(which):
            made = refund.refund_again(row.pk, actor_id=self.owner)
            self.charges[made.charge_id].promised += made.amount_minor

    # --- what the gateway does --------------------------------------------------------------

    def captured(self, _which: int, _minor: int) -> None:
        """The order is paid once more."""
        if len(self.charges) > 2:
            return
        known = set(self.charges)
        settle.record("razorpay", facts_of(self.payment, f"pay_{ids.new_id().hex[:14]}"))
        row = Charge.objects.exclude(pk__in=known).get()
        self.charges[row.pk] = Sums(row.amount_minor, promised=row.amount_minor)

    def outside(self, which: int, minor: int) -> None:
        """Somebody refunds at the gateway, which allows what it has left."""
        charge, money = self.charge(which)
        if minor > money.captured - money.back:
            return
        facts = refund_facts(f"rfnd_{ids.new_id().hex[:14]}", charge, minor, "pending")
        assert outside.record("razorpay", facts)
        assert outside.record("razorpay", facts)  # heard of twice
        money.back += minor

    def assign(self, which: int, minor: int) -> None:
        """Staff says what a refund made at the gateway was for."""
        row = self.refund(which)
        if row is None:
            return
        first, second = self.lines()
        part = min(minor, row.amount_minor)
        amounts = {first.pk: part, second.pk: row.amount_minor - part}
        outside.assign(row.pk, amounts, actor_id=self.owner, reason="x")

    def cancel(self, which: int, _minor: int) -> None:
        """Ends, whatever is left; a confirmed one ends for sure."""
        enrollment = Enrollment.objects.get(pk=self.enrollments[which % 2])
        known = set(Refund.objects.values_list("pk", flat=True))
        try:
            cancel.cancel(enrollment.pk, self.owner, actor_id=self.owner)
        except IllegalState:
            assert enrollment.stage != Stage.CONFIRMED
        for row in Refund.objects.exclude(pk__in=known):
            self.charges[row.charge_id].promised += row.amount_minor

    def pending(self, which: int, _minor: int) -> None:
        self._says(which, "pending")

    def processed(self, which: int, _minor: int) -> None:
        self._says(which, "processed")

    def _says(self, which: int, status: str) -> None:
        row = self.refund(which)
        if row is None:
            return
        money = self.charges[row.charge_id]
        is_new = row.state == RefundState.REQUESTED
        is_back_again = row.state == RefundState.FAILED and status == "processed"
        if row.amount_minor > money.captured - money.back and (is_new or is_back_again):
            self.refused(which, 0)  # it has not that much left
            return
        if is_back_again and row.provider_refund_id is None:
            return  # the gateway refused it: there is none
        refund.record(row.pk, facts_of_refund(row, status))
        if is_new:
            money.promised -= row.amount_minor
        if is_new or is_back_again:
            money.back += row.amount_minor

    def failed(self, which: int, _minor: int) -> None:
        """At once, or after it was confirmed."""
        row = self.refund(which)
        if row is None:
            return
        money = self.charges[row.charge_id]
        refund.record(row.pk, facts_of_refund(row, "failed"))
        if row.state == RefundState.REQUESTED:
            money.promised -= row.amount_minor
        elif row.state in {RefundState.PENDING, RefundState.PROCESSED}:
            money.back -= row.amount_minor

    def refused(self, which: int, _minor: int) -> None:
        """The gateway does not take the request."""
        row = self.refund(which)
        if row is None or row.state != RefundState.REQUESTED:
            return
        refund._refused(row.pk, GatewayRefused("The balance is too low."))
        self.charges[row.charge_id].promised -= row.amount_minor

    def disputed(self, which: int, minor: int) -> None:
        self._dispute(which, minor, "open")

    def reviewed(self, which: int, minor: int) -> None:
        self._dispute(which, minor, "under_review")

    def lost(self, which: int, minor: int) -> None:
        self._dispute(which, minor, "lost")

    def won(self, which: int, minor: int) -> None:
        self._dispute(which, minor, "won")

    def _dispute(self, which: int, minor: int, status: str) -> None:
        charge, money = self.charge(which)
        known = charge.disputes.first()
        if known is None and minor > money.captured - money.back:
            return  # a bank takes back what the payer has not got back yet
        amount = Money(known.amount_minor if known is not None else minor, "INR")
        facts = DisputeFacts(
            f"disp_{charge.pk.hex[:14]}", charge.provider_payment_id, status, amount
        )
        disputes.record("razorpay", facts, clock.now())
        if status in {"lost", "won"}:
            money.lost = amount.minor if status == "lost" else 0

    # --- reading ----------------------------------------------------------------------------

    def lines(self) -> list[OrderLine]:
        return list(OrderLine.objects.filter(order=self.order_id).order_by("position"))

    def charge(self, which: int) -> tuple[Charge, Sums]:
        key = list(self.charges)[which % len(self.charges)]
        return Charge.objects.get(pk=key), self.charges[key]

    def refund(self, which: int) -> Refund | None:
        rows = list(Refund.objects.filter(charge__in=self.charges).order_by("pk"))
        return rows[which % len(rows)] if rows else None

    def check(self) -> None:
        for key, money in self.charges.items():
            sums = ledger.balance(Charge.objects.get(pk=key))
            assert sums.captured.minor == money.captured
            assert sums.promised.minor == money.promised
            assert sums.refunded.minor == money.back + money.lost
            assert 0 <= money.back <= money.captured
            has = money.captured - money.back - money.lost - money.promised
            assert sums.refundable.minor == max(0, has)
        assert not self.doubly_credited()

    def doubly_credited(self) -> list[UUID]:
        """Lines of which more has reached the payer, or is accepted, than was paid for them."""
        sums: dict[UUID, int] = {}
        accepted = (RefundState.PENDING, RefundState.PROCESSED)
        parts = RefundPart.objects.filter(refund__state__in=accepted, line__order=self.order_id)
        for line_id, minor in parts.values_list("line_id", "amount_minor"):
            sums[line_id] = sums.get(line_id, 0) + minor
        return [line.pk for line in self.lines() if sums.get(line.pk, 0) > line.total_minor]


def facts_of(payment: queries.PaymentRecord, payment_id: str) -> PaymentFacts:
    return PaymentFacts(
        id=payment_id,
        order_id=payment.provider_order_id or "",
        status="captured",
        amount=payment.amount,
        amount_refunded=Money.zero("INR"),
    )


def refund_facts(refund_id: str, charge: Charge, minor: int, status: str) -> RefundFacts:
    return RefundFacts(
        id=refund_id,
        payment_id=charge.provider_payment_id,
        status=status,  # type: ignore[arg-type]
        amount=Money(minor, "INR"),
    )


def facts_of_refund(row: Refund, status: str) -> RefundFacts:
    refund_id = row.provider_refund_id or f"rfnd_{row.pk.hex[-14:]}"
    return refund_facts(refund_id, row.charge, row.amount_minor, status)


def paid_cart() -> Book:
    """A settled order of two courses, without any gateway."""
    someone = person()
    placed = cart.buy(someone.pk, [Wish(slug) for slug in COURSES])
    assert placed.payment_id is not None
    row = actions.lock(placed.payment_id)
    row.provider_order_id = f"order_{placed.order_id.hex[:14]}"
    actions.move(row, "open")
    payment = queries.find(placed.payment_id)
    settle.record("razorpay", facts_of(payment, f"pay_{placed.order_id.hex[:14]}"))
    charge = queries.settling_charge(placed.order_id)
    assert charge is not None
    enrollments = [claim.enrollment_id for claim in placed.claims]
    return Book(
        placed.order_id,
        someone.pk,
        enrollments,
        payment,
        {charge.pk: Sums(charge.amount_minor)},
    )


@given(STEPS)
@settings(
    max_examples=HISTORIES,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # a history is short as it is
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_no_history_gives_back_too_much(history: list[tuple[str, int, int]]) -> None:
    with transaction.atomic():
        book = paid_cart()
        for what, which, minor in history:
            with suppress(IllegalState), transaction.atomic():
                getattr(book, what)(which, minor)
            book.check()
        assert not [str(found) for found in doctor.examine()]
        for which in range(len(COURSES)):
            book.cancel(which, 0)
            book.check()
        stages = Enrollment.objects.filter(pk__in=book.enrollments).values_list("stage", flat=True)
        assert Stage.CONFIRMED not in stages
        assert not [str(found) for found in doctor.examine()]
        transaction.set_rollback(True)


def test_the_history_before_any_step_is_clean(db: None) -> None:
    book = paid_cart()
    book.check()
    assert pay.open_session(book.order_id, None).payment.completed_at
