"""A seat is sold at the price at which it was offered, or at a lower one."""

from __future__ import annotations

from datetime import timedelta

import pytest

from matricula.catalog.models import Cohort, CoursePrice
from matricula.flows import accept, promote
from matricula.flows.accept import Acceptance
from matricula.kernel import clock
from matricula.orders.models import Order
from tests.waitlist.conftest import Full, entry, offers

OFFERED = 100_000


def price_when_accepted(full: Full, now_minor: int) -> int:
    """The net sum of the order, when the price is changed between the offer and its acceptance."""
    place = full.join()
    full.free()
    promote.promote(full.cohort)
    (offer,) = offers(place)
    price, _ = CoursePrice.objects.get_or_create(
        course=full.course, currency="INR", defaults={"amount_minor": now_minor}
    )
    price.amount_minor = now_minor
    price.save()
    receipt = accept.accept(Acceptance(offer.pk, entry(place).person_id))
    return Order.objects.get(pk=receipt.order_id).net_minor


@pytest.mark.parametrize(
    ("now_minor", "charged"), [(150_000, OFFERED), (OFFERED, OFFERED), (60_000, 60_000)]
)
def test_a_raised_price_does_not_count_and_a_lowered_one_does(
    paid: Full, now_minor: int, charged: int
) -> None:
    assert price_when_accepted(paid, now_minor) == charged


def test_a_deadline_moved_back_does_not_take_an_offer_back(paid: Full) -> None:
    place = paid.join()
    paid.free()
    promote.promote(paid.cohort)
    (offer,) = offers(place)
    Cohort.objects.filter(pk=paid.cohort).update(closes_at=clock.now() - timedelta(minutes=1))
    assert accept.accept(Acceptance(offer.pk, entry(place).person_id)).is_new
