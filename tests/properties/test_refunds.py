"""Random histories of a paid cart: refunds never exceed what was captured, and the books agree."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from matricula.flows import cart, doctor, pay, refund, settle
from matricula.flows.cart import Wish
from matricula.kernel.errors import IllegalState
from matricula.kernel.money import Money
from matricula.payments import actions, ledger, queries
from matricula.payments.models import Charge, Refund
from matricula.payments.port import PaymentFacts, RefundFacts
from matricula.payments.states import REFUND_LIVE
from tests.support.people import person

pytestmark = pytest.mark.django_db
COURSES = ("full-stack-development", "evening-lab")

steps = st.lists(
    st.one_of(
        st.tuples(st.just("staff"), st.integers(0, 1), st.integers(1, 400_000)),
        st.tuples(st.just("policy"), st.integers(0, 1), st.just(0)),
        st.tuples(
            st.sampled_from(["pending", "processed", "failed"]), st.integers(0, 5), st.just(0)
        ),
    ),
    max_size=12,
)


def paid_cart() -> tuple[Charge, list[tuple[object, object]]]:
    """A settled order of two courses, without any gateway."""
    someone = person()
    placed = cart.buy(someone.pk, [Wish(slug) for slug in COURSES])
    assert placed.payment_id is not None
    payment = queries.find(placed.payment_id)
    gateway_order = f"order_{placed.order_id.hex[:14]}"
    row = actions.lock(payment.id)
    row.provider_order_id = gateway_order
    actions.move(row, "open")
    facts = PaymentFacts(
        id=f"pay_{placed.order_id.hex[:14]}",
        order_id=gateway_order,
        status="captured",
        amount=payment.amount,
        amount_refunded=Money.zero("INR"),
    )
    settle.record("razorpay", facts)
    charge = queries.settling_charge(placed.order_id)
    assert charge is not None
    return charge, [(claim.enrollment_id, someone.pk) for claim in placed.claims]


@given(steps)
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_no_history_gives_back_too_much(history: list[tuple[str, int, int]]) -> None:
    from django.db import transaction

    with transaction.atomic():
        charge, owned = paid_cart()
        for what, which, minor in history:
            with suppress(IllegalState), transaction.atomic():
                step(charge, owned, (what, which, minor))
            sums = ledger.balance(charge)
            assert Money.zero("INR") <= sums.refundable
            assert sums.refunded + sums.promised <= sums.captured
            live = Refund.objects.filter(charge=charge, state__in=REFUND_LIVE)
            assert sum(row.amount_minor for row in live) <= charge.amount_minor
        assert not [str(found) for found in doctor.examine()]
        transaction.set_rollback(True)


def step(charge: Charge, owned: list[tuple[object, object]], happens: tuple[str, int, int]) -> None:
    what, which, minor = happens
    order_id = charge.payment.order_id  # type: ignore[union-attr]
    enrollment, owner = owned[which % len(owned)]
    if what == "staff":
        line = list(charge.payment.order.lines.order_by("position"))[which]  # type: ignore[union-attr]
        refund.refund_by_staff(
            order_id,
            {line.pk: minor},
            actor_id=owner,  # type: ignore[arg-type]
            reason="x",
            end_access=bool(minor % 2),
        )
    elif what == "policy":
        refund.refund_by_policy(enrollment, owner, actor_id=owner)  # type: ignore[arg-type]
    else:
        rows = list(Refund.objects.filter(charge=charge).order_by("pk"))
        if rows:
            row = rows[which % len(rows)]
            facts = RefundFacts(
                id=row.provider_refund_id or f"rfnd_{row.pk.hex[:14]}",
                payment_id=charge.provider_payment_id,
                status=what,  # type: ignore[arg-type]
                amount=row.amount,
            )
            refund.record(row.pk, facts)


def test_the_history_before_any_step_is_clean(db: None) -> None:
    charge, _ = paid_cart()
    assert ledger.balance(charge).refundable == charge.amount
    assert pay.open_session(charge.payment.order_id, None).payment.completed_at  # type: ignore[union-attr]
