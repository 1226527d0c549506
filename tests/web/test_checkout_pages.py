"""What the pages of a checkout say in each of its states, and what they refuse."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.conf import settings
from django.contrib.postgres.functions import TransactionNow
from django.test import Client

from matricula.accounts import guests as guest_accounts
from matricula.accounts.models import Person
from matricula.enrollments.models import Enrollment
from matricula.flows import enroll, expire
from matricula.flows.checkout import Terms
from matricula.flows.enroll import Application
from matricula.kernel import ids
from matricula.orders.models import Order
from matricula.payments.models import Payment
from matricula.seats.models import Hold
from tests.support.paying import assert_books_agree, hear
from tests.support.sandbox import Sandbox

pytestmark = pytest.mark.django_db
COURSE = "/courses/full-stack-development/"
SHOP = "https://shop.example"


@pytest.fixture(autouse=True)
def _books_agree() -> Iterator[None]:
    yield
    assert_books_agree()


def text(response: Any) -> str:
    content: str = response.content.decode()
    return content


def begin(member: Client, learner: Person, **terms: str) -> str:
    """An open checkout of the learner; its payment page."""
    enroll.enroll(Application(learner.pk, "full-stack-development", terms=Terms(**terms)))
    page = f"/pay/{ids.to_text('pay', Payment.objects.get().pk)}/"
    member.get(page)
    return page


def pay(sandbox: Sandbox, **options: Any) -> dict[str, Any]:
    order = Payment.objects.get().provider_order_id
    assert order is not None
    return sandbox.pay(order, **options)


def state(member: Client, page: str) -> str:
    return str(member.get(page).context["state"])


# --- the course page and the confirmation ---------------------------------------------------


def test_a_guest_may_buy_what_costs_something(guest: Client) -> None:
    paid, free = text(guest.get(COURSE)), text(guest.get("/courses/hot-drop/"))
    assert f"{COURSE}guest/" in paid
    assert "/guest/" not in free
    assert "Add to cart" in paid
    assert "Add to cart" in free
    assert guest.get("/courses/hot-drop/guest/").status_code == 404


def test_a_pending_checkout_leads_on_to_its_payment(
    member: Client, learner: Person, sandbox: Sandbox
) -> None:
    page = begin(member, learner)
    html = text(member.get(COURSE))
    assert "Continue to payment" in html
    assert f'href="{page}"' in html
    assert "Add to cart" not in html


def test_the_refund_policy_is_said_with_its_dates(member: Client) -> None:
    html = text(member.get(f"{COURSE}enroll/"))
    assert "100 % back until" in html
    assert "50 % back until" in html
    assert "Karnataka, India" in html


def test_nobody_buys_at_a_price_that_was_not_shown(member: Client) -> None:
    fields = {"coupon": "SAVE50", "state": "MH", "total": "176942", "confirm": "1"}
    response = member.post(f"{COURSE}enroll/", fields)
    assert response.status_code == 422
    assert "The price is ₹1,769.41 now" in text(response)
    assert 'name="total" value="176941"' in text(response)
    assert not Order.objects.exists()


def test_a_state_of_india_is_forgotten_abroad(member: Client) -> None:
    html = text(member.get(f"{COURSE}enroll/", {"country": "FR", "state": "KA"}))
    assert "CGST" not in html
    assert '<option value="FR" selected>' in html


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [("state", "nowhere", "Give a State"), ("tax_id", "29AAA", "no valid GSTIN")],
)
def test_a_wrong_field_is_said_beside_it_and_nothing_else_is_lost(
    member: Client, field: str, value: str, words: str
) -> None:
    fields = {"coupon": "SAVE50", field: value, "confirm": "1"}
    html = text(member.post(f"{COURSE}enroll/", fields))
    assert words in html
    assert f'id="{field}-error"' in html
    assert "Coupon SAVE50" in html
    assert not Order.objects.exists()


def test_what_the_invoice_shall_say_is_kept_with_the_order_as_it_was_typed(
    member: Client, sandbox: Sandbox
) -> None:
    shown = member.get(f"{COURSE}enroll/?billing_name=Rao+Ltd").context["form"]
    assert shown.values["billing_name"] == "Rao Ltd"
    sent = {
        "confirm": "1",
        "total": shown.values["total"],
        "billing_name": " Rao Ltd ",
        "billing_address": "4 Church Street\r\nBengaluru",
    }
    assert member.post(f"{COURSE}enroll/", sent).status_code == 303
    order = Order.objects.get()
    assert order.billing_name == "Rao Ltd"
    assert order.billing_address.splitlines() == ["4 Church Street", "Bengaluru"]


def test_terms_are_agreed_to_and_recorded(
    member: Client, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        settings, "ENVIRONMENT", replace(settings.ENVIRONMENT, terms_version="2026-11")
    )
    assert "version 2026-11" in text(member.get(f"{COURSE}enroll/"))
    refused = member.post(f"{COURSE}enroll/", {"confirm": "1"})
    assert "Agree to the terms" in text(refused)
    again = text(member.post(f"{COURSE}enroll/", {"update": "1", "terms": "1"}))
    assert "required checked" in again
    assert member.post(f"{COURSE}enroll/", {"confirm": "1", "terms": "1"}).status_code == 303
    assert Order.objects.get().consent["terms_version"] == "2026-11"


def test_a_coupon_that_pays_for_all_of_it_enrolls_at_once(member: Client) -> None:
    html = text(member.get(f"{COURSE}enroll/", {"coupon": "ONCE"}))
    assert "You pay nothing" in html
    assert "Confirm and enroll" in html
    response = member.post(f"{COURSE}enroll/", {"coupon": "ONCE", "total": "0", "confirm": "1"})
    assert response["Location"].startswith("/enrollments/")
    assert Enrollment.objects.get().stage == "confirmed"


# --- the payment page -----------------------------------------------------------------------


def test_an_authorized_payment_is_being_confirmed(
    member: Client, learner: Person, sandbox: Sandbox
) -> None:
    page = begin(member, learner)
    hear(pay(sandbox, status="authorized", webhook="never")["razorpay_payment_id"])
    shown = member.get(page)
    assert shown.context["state"] == "processing"
    assert "You do not need to pay again." in text(shown)


def test_money_that_does_not_fit_is_looked_into(
    member: Client, learner: Person, sandbox: Sandbox
) -> None:
    page = begin(member, learner)
    hear(pay(sandbox, amount=100)["razorpay_payment_id"])
    assert state(member, page) == "quarantined"
    assert "Nothing is lost" in text(member.get(page))


def run_out(enrollment_id: UUID) -> None:
    past = TransactionNow() - timedelta(seconds=1)
    Hold.objects.filter(key=enrollment_id).update(expires_at=past)
    expire.expire_due()


def test_an_expired_checkout_says_what_becomes_of_money(
    member: Client, learner: Person, sandbox: Sandbox
) -> None:
    page = begin(member, learner)
    run_out(Enrollment.objects.get().pk)
    shown = member.get(page)
    assert shown.context["state"] == "expired"
    assert "goes back by itself" in text(shown)
    assert "You could take instead" in text(shown)
    member.post(f"{page}again/")
    assert state(member, page) == "expired"


def test_failed_lead_on_to_the_same_order(
    member: Client, learner: Person, sandbox: Sandbox
) -> None:
    page = begin(member, learner)
    error = pay(sandbox, vpa="failure@razorpay")["error"]
    member.post(f"{page}return/", {"error[code]": error["code"]})
    status = f"/enrollments/{ids.to_text('enr', Enrollment.objects.get().pk)}/"
    html = text(member.get(status))
    assert "declined in the UPI app" in html
    assert "Try the payment again" in html
    assert member.post(f"{page}again/")["Location"] == f"{page}?now=1"


def test_a_return_with_nothing_in_it_is_refused(
    member: Client, learner: Person, sandbox: Sandbox
) -> None:
    page = begin(member, learner)
    assert member.post(f"{page}return/", {}).status_code == 400
    assert member.post("/pay/pay_01h455vb4pex5vsknk084sn02q/return/", {}).status_code in {400, 404}


def test_a_checkout_of_another_site_leads_back_to_it(
    member: Client, learner: Person, sandbox: Sandbox
) -> None:
    page = begin(member, learner, success_url=f"{SHOP}/done?a=1", cancel_url=f"{SHOP}/no")
    # A policy for forms holds for where they are sent on to.
    policy = member.get(page)["Content-Security-Policy"]
    assert SHOP in next(part for part in policy.split("; ") if part.startswith("form-action"))
    assert member.get("/cart/")["Content-Security-Policy"].count(SHOP) == 0
    member.post(f"{page}return/", pay(sandbox))
    found = member.get(page)["Location"]
    assert found.startswith(f"{SHOP}/done?a=1&enrollment_id=enr_")
    assert found.endswith("status=enrolled")


def test_giving_up_leads_back_too(member: Client, learner: Person, sandbox: Sandbox) -> None:
    page = begin(member, learner, cancel_url=f"{SHOP}/no")
    found = member.post(f"{page}give-up/")["Location"]
    assert found.startswith(f"{SHOP}/no?enrollment_id=enr_")
    assert found.endswith("status=cancelled")
    assert "Back to where you came from" in text(member.get(page))


def test_a_payment_page_is_kept_nowhere(guest: Client, sandbox: Sandbox) -> None:
    fields = {"full_name": "Ravi", "email": "ravi@example.com", "confirm": "1"}
    page = guest.post(f"{COURSE}guest/", fields)["Location"]
    for path in (page, "/cart/"):
        assert "no-store" in guest.get(path)["Cache-Control"]


# --- the mailed link ------------------------------------------------------------------------


def test_what_was_had_already_is_told_and_given_back(
    member: Client, guest: Client, learner: Person, sandbox: Sandbox
) -> None:
    fields = {"full_name": "Lea", "email": "lea@elsewhere.example", "confirm": "1"}
    page = guest.post(f"{COURSE}guest/", fields)["Location"].partition("?")[0]
    guest.get(page)
    guest.post(f"{page}return/", pay(sandbox))
    buyer = Person.objects.get(guest_email="lea@elsewhere.example")
    enroll.enroll(Application(learner.pk, "full-stack-development", coupon_code="ONCE"))
    link = f"/guests/{guest_accounts.link_token(buyer.pk)}/"
    shown = member.get(link)
    # With "no-referrer" the form's origin would be "null", and refused as forged.
    assert shown["Referrer-Policy"] == "strict-origin"
    assert "no-store" in shown["Cache-Control"]
    html = text(member.post(link, follow=True))
    assert "a second time: its money goes back" in html
