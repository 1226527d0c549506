"""Several courses in one checkout: all or nothing when it is placed, line by line afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.contrib.postgres.functions import TransactionNow

from matricula.enrollments.models import Enrollment
from matricula.flows import cancel, cart, expire, extend, issue, pay, refund
from matricula.flows.cart import Wish
from matricula.kernel.errors import IllegalState, ValidationFailed
from matricula.orders.models import Order
from matricula.payments.models import Refund
from matricula.pricing.models import CouponUse
from matricula.seats.errors import CourseFull
from matricula.seats.models import Hold, SeatCount
from tests.support.paying import Buyer, assert_books_agree, hear, refunds
from tests.support.people import person
from tests.support.sandbox import Sandbox

pytestmark = pytest.mark.django_db
COURSES = ("full-stack-development", "evening-lab", "hot-drop")


@pytest.fixture(autouse=True)
def _books_agree() -> Iterator[None]:
    yield
    assert_books_agree()


@pytest.fixture
def bought(sandbox: Sandbox) -> Buyer:
    """A cart of three courses, its gateway order made."""
    someone = person()
    placed = cart.buy(someone.pk, [Wish(slug) for slug in COURSES], codes=["WELCOME500"])
    assert pay.open_session(placed.order_id, None).is_ready
    return Buyer(sandbox, someone.pk, placed.claims[0].enrollment_id, placed.order_id)


def stages(buyer: Buyer) -> dict[str, str]:
    rows = Enrollment.objects.filter(person=buyer.person_id).select_related("course")
    return {row.course.slug: row.stage for row in rows}


def run_out(buyer: Buyer) -> None:
    past = TransactionNow() - timedelta(seconds=1)
    Hold.objects.filter(person=buyer.person_id).update(expires_at=past)
    expire.expire_due()


def test_one_payment_enrolls_in_all(bought: Buyer) -> None:
    assert bought.order.total_minor == bought.payment.amount_minor
    bought.hand_back(bought.pay())
    assert set(stages(bought).values()) == {"confirmed"}
    paper = issue.issue_invoice(bought.order_id)
    assert paper is not None
    assert len(paper.content["rows"]) == 3


def test_one_full_course_holds_nothing(sandbox: Sandbox) -> None:
    SeatCount.objects.filter(cohort__course__slug="evening-lab").update(capacity=0)
    someone = person()
    with pytest.raises(CourseFull, match="Evening Lab"):
        cart.buy(someone.pk, [Wish(slug) for slug in COURSES], codes=["WELCOME500"])
    assert not Enrollment.objects.filter(person=someone.pk).exists()
    assert not CouponUse.objects.filter(person=someone.pk).exists()


def test_one_line_given_back_leaves_the_others(bought: Buyer) -> None:
    bought.hand_back(bought.pay())
    lab = Enrollment.objects.get(person=bought.person_id, course__slug="evening-lab")
    refund.refund_by_policy(lab.pk, bought.person_id, actor_id=bought.person_id)
    assert stages(bought) == {
        "full-stack-development": "confirmed",
        "evening-lab": "refunded",
        "hot-drop": "confirmed",
    }
    (row,) = refunds(bought)
    line = bought.order.lines.get(enrollment=lab)
    assert row.amount_minor == line.total_minor < bought.order.total_minor


def test_paid_late_with_one_course_full_the_rest_is_kept(bought: Buyer) -> None:
    run_out(bought)
    assert set(stages(bought).values()) == {"expired"}
    SeatCount.objects.filter(cohort__course__slug="evening-lab").update(capacity=0)
    hear(bought.pay()["razorpay_payment_id"])
    assert stages(bought) == {
        "full-stack-development": "confirmed",
        "evening-lab": "refunded",
        "hot-drop": "confirmed",
    }
    (row,) = refunds(bought)
    line = bought.order.lines.get(enrollment__course__slug="evening-lab")
    assert (row.cause, row.amount_minor) == (Refund.Cause.LATE, line.total_minor)
    assert Order.objects.get(pk=bought.order_id).state == "paid"


def test_a_cart_expires_and_is_extended_as_a_whole(bought: Buyer) -> None:
    extend.extend_hold(bought.enrollment_id, bought.person_id)
    ends = set(Hold.objects.filter(person=bought.person_id).values_list("expires_at", flat=True))
    assert len(ends) == 1
    past = TransactionNow() - timedelta(seconds=1)
    Hold.objects.filter(person=bought.person_id).update(expires_at=past)
    expire.expire_due()
    assert set(stages(bought).values()) == {"expired"}
    assert not CouponUse.objects.filter(order_id=bought.order_id, state="held").exists()


def test_giving_one_up_gives_the_checkout_up(bought: Buyer) -> None:
    cancel.cancel(bought.enrollment_id, bought.person_id, actor_id=bought.person_id)
    assert set(stages(bought).values()) == {"cancelled"}


def test_what_is_in_a_checkout_already_is_refused(bought: Buyer) -> None:
    with pytest.raises(IllegalState, match="Full Stack Development"):
        cart.buy(bought.person_id, [Wish("full-stack-development")])


@pytest.mark.parametrize("slugs", [[], ["hot-drop", "hot-drop"], ["x"] * 21])
def test_an_odd_cart_is_refused(slugs: list[str]) -> None:
    with pytest.raises(ValidationFailed):
        cart.buy(person().pk, [Wish(slug) for slug in slugs])
