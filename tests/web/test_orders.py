"""A person's orders: what they say of money, and who may see them and their papers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from matricula.accounts.models import Person
from matricula.flows import issue
from matricula.kernel import clock, ids
from matricula.orders.models import Document, Order
from tests.support.paying import Buyer, assert_books_agree, checkout, work
from tests.support.people import person
from tests.support.sandbox import Sandbox

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _books_agree() -> Iterator[None]:
    yield
    assert_books_agree()


@pytest.fixture
def buyer(sandbox: Sandbox, learner: Person) -> Buyer:
    """The learner, who has paid."""
    buyer = checkout(sandbox, who=learner.pk, coupon="SAVE50")
    buyer.hand_back(buyer.pay())
    return buyer


def text(response: Any) -> str:
    content: str = response.content.decode()
    return content


def order_page(buyer: Buyer) -> str:
    return f"/orders/{ids.to_text('ord', buyer.order_id)}/"


def status_page(buyer: Buyer) -> str:
    return f"/enrollments/{ids.to_text('enr', buyer.enrollment_id)}/"


def paper_page(buyer: Buyer) -> str:
    issue.issue_invoice(buyer.order_id)
    paper = Document.objects.get(order=buyer.order_id)
    return f"{order_page(buyer)}documents/{ids.to_text('inv', paper.pk)}.pdf"


def test_the_order_shows_its_sums_and_its_payment(member: Client, buyer: Buyer) -> None:
    html = text(member.get(order_page(buyer)))
    for words in ("₹1,769.42", "CGST 9 %", "Paid", "The invoice is being written"):
        assert words in html, words
    assert "To pay" not in html
    assert order_page(buyer) in text(member.get("/orders/"))
    assert "/orders/" in text(member.get("/me/"))


def test_the_invoice_is_its_owners_alone(member: Client, buyer: Buyer) -> None:
    path = paper_page(buyer)
    assert path in text(member.get(order_page(buyer)))
    answer = member.get(path)
    assert answer.content.startswith(b"%PDF")
    assert answer["Content-Disposition"].startswith("attachment; filename=")
    assert "private" in answer["Cache-Control"]
    stranger = Client(HTTP_HOST="127.0.0.1", raise_request_exception=False)
    assert stranger.get(path)["Location"].startswith("/accounts/login/")
    stranger.force_login(person())
    assert stranger.get(path).status_code == 404
    assert stranger.get(order_page(buyer)).status_code == 404
    assert member.get(path.replace("inv_", "ord_")).status_code == 404


def test_the_way_of_a_paid_seat_has_a_payment(member: Client, buyer: Buyer) -> None:
    shown = member.get(status_page(buyer))
    assert [step.label for step in shown.context["steps"]] == [
        "Requested",
        "Seat held",
        "Payment",
        "Enrolled",
    ]
    assert "Order and invoice" in text(shown)


def test_cancelling_says_what_comes_back_and_gives_it(member: Client, buyer: Buyer) -> None:
    asked = text(member.get(f"{status_page(buyer)}cancel/"))
    assert "You get back ₹1,769.42 of ₹1,769.42" in asked
    assert "(100 % until " in asked
    done = text(member.post(f"{status_page(buyer)}cancel/", follow=True))
    assert "your money is on its way" in done
    assert "On its way back" in done
    work()
    shown = text(member.get(status_page(buyer)))
    assert "This enrollment was refunded" in shown
    assert "A refund was started." in shown
    assert "Refunded" in text(member.get(order_page(buyer)))
    assert "Refunded" in text(member.get("/orders/"))


def test_cancelling_too_late_says_that_nothing_comes_back(member: Client, buyer: Buyer) -> None:
    Order.objects.get().lines.update(policy=[])
    asked = text(member.get(f"{status_page(buyer)}cancel/"))
    assert "You get nothing back" in asked
    member.post(f"{status_page(buyer)}cancel/")
    assert buyer.stage == "cancelled"


def test_half_of_it_is_said_as_half(member: Client, buyer: Buyer) -> None:
    starts_at = buyer.enrollment.cohort.starts_at
    assert starts_at is not None
    assert starts_at > clock.now()
    step = {"until": "before_start", "days": 0, "percent": 50}
    Order.objects.get().lines.update(policy=[step])
    asked = text(member.get(f"{status_page(buyer)}cancel/"))
    assert "You get back ₹884.71 of ₹1,769.42" in asked
    assert f"(50 % until {starts_at.day} " in asked


def test_giving_up_a_cart_names_what_goes_with_it(member: Client, sandbox: Sandbox) -> None:
    for slug in ("full-stack-development", "evening-lab"):
        member.post("/cart/add/", {"course": slug})
    member.post("/cart/", {"confirm": "1"})
    line = Order.objects.get().lines.order_by("position")[0]
    page = f"/enrollments/{ids.to_text('enr', line.enrollment_id)}/cancel/"
    assert "Evening Lab" in text(member.get(page))


def test_many_orders_cost_no_more_queries_than_one(
    member: Client, learner: Person, buyer: Buyer, sandbox: Sandbox
) -> None:
    def count() -> int:
        with CaptureQueriesContext(connection) as asked:
            member.get("/orders/")
        return len(asked)

    member.get("/orders/")  # from now on the session and its person are read at once
    one = count()
    checkout(sandbox, "evening-lab", who=learner.pk)
    assert count() == one
    assert one <= 6


def test_a_pages_queries_are_few(member: Client, buyer: Buyer) -> None:
    for path, most in ((order_page(buyer), 10), (status_page(buyer), 20)):
        with CaptureQueriesContext(connection) as asked:
            member.get(path)
        assert len(asked) <= most, path
