"""What a checkout costs and contains is ours to say, whatever a browser sends along."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from matricula.accounts.models import Person
from matricula.enrollments.models import Enrollment
from matricula.kernel import ids
from matricula.orders.models import Order
from matricula.seats.models import SeatCount
from tests.security.conftest import browser
from tests.support.factories import make_cohort, make_course
from tests.support.paying import checkout
from tests.support.people import client_of, person
from tests.support.sandbox import Sandbox

pytestmark = pytest.mark.django_db
COURSE = "full-stack-development"
PAYABLE = 353_882
CHEAPER: dict[str, Any] = {
    "price": "1",
    "amount": "1",
    "amount_minor": "1",
    "final_amount": "0",
    "total_payable": "0",
    "discount": "299900",
    "discount_applied": "2999",
    "tax_amount": "0",
    "currency": "JPY",
    "quantity": "-3",
    "payment_required": "false",
    "stage": "confirmed",
    "status": "enrolled",
    "person_id": "x",
}


def only_order() -> Order:
    return Order.objects.get()


@pytest.mark.parametrize("name", list(CHEAPER))
def test_a_form_cannot_say_what_it_costs(member: Client, name: str) -> None:
    response = member.post(f"/courses/{COURSE}/enroll/", {"confirm": "1", name: CHEAPER[name]})
    assert response.status_code == 303
    order = only_order()
    assert (order.total_minor, order.currency) == (PAYABLE, "INR")
    assert Enrollment.objects.get().stage == "payment_pending"


def test_nor_can_a_program(learner: Person) -> None:
    response = client_of(learner.pk).post(
        "/enrollments/initialize", {"course_id": COURSE, **CHEAPER}
    )
    if response.status_code == 201:
        assert response.json()["total_payable_minor"] == PAYABLE
        assert only_order().total_minor == PAYABLE
    else:
        assert response.status_code == 422
        assert not Order.objects.exists()


@pytest.mark.parametrize("total", ["1", "0", "-353882", "353881", "3538.82", "NaN", "9" * 40])
def test_nobody_buys_at_a_total_that_was_not_shown(member: Client, total: str) -> None:
    response = member.post(f"/courses/{COURSE}/enroll/", {"confirm": "1", "total": total})
    assert response.status_code == 422
    assert not Order.objects.exists()


@pytest.mark.parametrize(
    "course", ["", "no-such-course", "../cart", "crs_x", "0", "hot-drop' OR 1=1", "x" * 5000]
)
def test_a_cart_takes_no_course_that_is_none(member: Client, course: str) -> None:
    assert member.post("/cart/add/", {"course": course}).status_code in {404, 422}
    assert "Nothing in it yet" in member.get("/cart/").content.decode()


@pytest.mark.parametrize("status", ["draft", "coming_soon", "archived"])
def test_a_cart_buys_nothing_that_is_not_for_sale(member: Client, status: str) -> None:
    course = make_course(price=100_000, status=status)
    member.post("/cart/add/", {"course": course.slug})
    response = member.post("/cart/", {"confirm": "1"})
    assert response.status_code in {200, 409}
    assert not Order.objects.exists()


def test_a_course_counts_once_however_often_it_is_sent(member: Client) -> None:
    for _ in range(3):
        member.post("/cart/add/", {"course": COURSE, "quantity": "5"})
    member.post("/cart/", {"confirm": "1", "quantity": "9", "course": [COURSE, COURSE]})
    assert only_order().lines.count() == 1
    assert only_order().total_minor == PAYABLE


def test_a_cohort_of_another_course_is_not_taken(member: Client) -> None:
    cheap = make_course(price=100)
    theirs = make_cohort(cheap)
    wished = {"confirm": "1", "cohort": ids.to_text("coh", theirs.pk)}
    member.post(f"/courses/{COURSE}/enroll/", wished)
    assert not Enrollment.objects.filter(course=cheap).exists()
    for enrollment in Enrollment.objects.all():
        assert enrollment.cohort.course_id == enrollment.course_id


def test_a_closed_cohort_cannot_be_named_into(member: Client, learner: Person) -> None:
    course = make_course(capacity=0)
    full = course.cohorts.get().pk  # type: ignore[attr-defined]
    reference = ids.to_text("coh", full)
    member.post(f"/courses/{course.slug}/enroll/", {"confirm": "1", "cohort": reference})
    client_of(learner.pk).post("/enrollments/initialize", {"cohort_id": reference})
    assert not Enrollment.objects.filter(cohort=full).exists()
    assert SeatCount.objects.get(cohort=full).sold == 0


def test_somebody_elses_checkout_is_not_there(sandbox: Sandbox, member: Client) -> None:
    theirs = checkout(sandbox)
    payment = ids.to_text("pay", theirs.payment.pk)
    order = ids.to_text("ord", theirs.order_id)
    enrollment = ids.to_text("enr", theirs.enrollment_id)
    for path in (f"/pay/{payment}/", f"/orders/{order}/", f"/enrollments/{enrollment}/"):
        assert member.get(path).status_code == 404, path
    for path in (
        f"/pay/{payment}/give-up/",
        f"/pay/{payment}/again/",
        f"/pay/{payment}/more-time/",
        f"/enrollments/{enrollment}/cancel/",
        f"/enrollments/{enrollment}/more-time/",
    ):
        assert member.post(path).status_code == 404, path
    assert theirs.stage == "payment_pending"


def test_a_payment_for_one_order_does_not_pay_another(sandbox: Sandbox, learner: Person) -> None:
    cheap = checkout(sandbox, "evening-lab", who=learner.pk)
    dear = checkout(sandbox, COURSE, who=learner.pk)
    given = cheap.pay()
    response = browser(learner).post(f"/pay/{ids.to_text('pay', dear.payment.pk)}/return/", given)
    assert response.status_code < 500
    assert dear.stage == "payment_pending"


def test_a_signature_that_is_not_the_gateways_pays_nothing(
    sandbox: Sandbox, learner: Person
) -> None:
    buyer = checkout(sandbox, who=learner.pk)
    forged = {
        "razorpay_payment_id": "pay_forged",
        "razorpay_order_id": buyer.gateway_order,
        "razorpay_signature": "0" * 64,
    }
    browser(learner).post(f"/pay/{ids.to_text('pay', buyer.payment.pk)}/return/", forged)
    assert buyer.stage == "payment_pending"


def test_a_guest_cannot_buy_in_a_members_name(learner: Person) -> None:
    who = {"full_name": "Eve", "email": learner.email, "confirm": "1", "person_id": str(learner.pk)}
    browser().post(f"/courses/{COURSE}/guest/", who)
    assert not Enrollment.objects.filter(person=learner).exists()
    assert person().pk != learner.pk
