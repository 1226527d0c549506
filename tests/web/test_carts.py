"""Several courses put aside in the session, then bought together or not at all."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from matricula.accounts.models import Person
from matricula.catalog.models import Cohort, Course, CoursePrice
from matricula.enrollments.models import Enrollment
from matricula.flows import cart
from matricula.orders.models import Order, OrderLine
from matricula.pricing.errors import CurrencyMismatch
from matricula.pricing.models import Coupon
from matricula.seats.models import SeatCount
from tests.support.factories import make_course, make_person

pytestmark = pytest.mark.django_db
COURSE = "/courses/full-stack-development/"


def text(response: Any) -> str:
    content: str = response.content.decode()
    return content


def test_the_cart_survives_signing_in(guest: Client, learner: Person) -> None:
    guest.post("/cart/add/", {"course": "evening-lab"})
    guest.post("/cart/add/", {"course": "evening-lab"})
    assert "Full name" in text(guest.get("/cart/"))
    guest.force_login(learner)
    html = text(guest.get("/cart/"))
    assert html.count("/courses/evening-lab/") == 1
    assert "Full name" not in html
    guest.post("/cart/remove/", {"course": "evening-lab"})
    assert "Nothing in it yet" in text(guest.get("/cart/"))


def test_a_course_that_became_full_is_named_with_what_to_do(member: Client) -> None:
    course = make_course(price=100_000, title="Small Room")
    for slug in (course.slug, "evening-lab"):
        member.post("/cart/add/", {"course": slug})
    SeatCount.objects.filter(cohort__course=course).update(capacity=0)
    assert "Remove it to buy the rest." in text(member.get("/cart/"))
    response = member.post("/cart/", {"confirm": "1"})
    assert response.status_code == 409
    assert "Small Room: " in text(response)
    assert not Order.objects.exists()


def test_a_cart_holds_a_bounded_number(member: Client) -> None:
    for _ in range(cart.MOST_COURSES + 1):
        member.post("/cart/add/", {"course": make_course().slug})
    with CaptureQueriesContext(connection) as few:
        html = text(member.get("/cart/"))
    assert "Your cart is full" in html
    assert len(member.get("/cart/").context["lines"]) == cart.MOST_COURSES
    assert len(few) <= 16


def test_a_guest_does_not_get_a_seat_for_nothing(guest: Client) -> None:
    guest.post("/cart/add/", {"course": "hot-drop"})
    who = {"full_name": "Ravi", "email": "ravi@example.com", "confirm": "1"}
    for path, fields in (("/cart/", who), (f"{COURSE}guest/", {**who, "coupon": "ONCE"})):
        response = guest.post(path, fields)
        assert "Nothing is to be paid here. Sign in" in text(response)
    assert not Enrollment.objects.filter(person__guest_email="ravi@example.com").exists()
    assert not Coupon.objects.get(code="ONCE").uses.exists()


def test_a_cart_has_one_currency(member: Client) -> None:
    member.post("/cart/add/", {"course": "evening-lab"})
    refused = member.post("/cart/add/", {"course": in_dollars().slug})
    assert refused.status_code == 409
    assert len(member.get("/cart/").context["lines"]) == 1


def test_the_cart_opens_whatever_became_of_its_courses_and_buys_the_others(member: Client) -> None:
    changed, archived, bare = (make_course(price=100_000) for _ in range(3))
    for slug in ("evening-lab", changed.slug, archived.slug, bare.slug):
        member.post("/cart/add/", {"course": slug})
    CoursePrice.objects.filter(course=changed).update(currency="USD")
    Course.objects.filter(pk=archived.pk).update(status="archived")
    SeatCount.objects.filter(cohort__course=bare).delete()
    Cohort.objects.filter(course=bare).delete()
    response = member.get("/cart/")
    assert response.status_code == 200
    assert text(response).count("It is left out of this checkout.") == 3
    assert member.post("/cart/", {"confirm": "1"}).status_code == 303
    assert [line.title for line in OrderLine.objects.all()] == ["Evening Lab"]
    left = member.get("/cart/")
    assert left.status_code == 200
    assert len(left.context["lines"]) == 3


def test_the_api_refuses_two_currencies_in_one_checkout() -> None:
    with pytest.raises(CurrencyMismatch) as refused:
        cart.buy(make_person().pk, [cart.Wish("evening-lab"), cart.Wish(in_dollars().slug)])
    assert (refused.value.code, refused.value.status) == ("currency_mismatch", 409)


def in_dollars() -> Course:
    course = make_course()
    CoursePrice.objects.create(course=course, currency="USD", amount_minor=5_000)
    return course
