"""The pages from the confirmation to a paid seat, as a browser without scripts walks them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client

from matricula.accounts.models import Person
from matricula.enrollments.models import Enrollment
from matricula.flows import issue, tell
from matricula.kernel.models import Event
from matricula.notifications.models import Delivery
from matricula.orders.models import Order
from matricula.payments import gateways
from matricula.payments.errors import GatewayRefused
from matricula.payments.models import Payment
from matricula.payments.port import OrderRequest
from tests.support.paying import assert_books_agree, open_tasks
from tests.support.people import person
from tests.support.sandbox import Sandbox

pytestmark = pytest.mark.django_db
COURSE = "/courses/full-stack-development/"


@pytest.fixture(autouse=True)
def _books_agree() -> Iterator[None]:
    yield
    assert_books_agree()


@pytest.fixture
def learner() -> Person:
    return person(full_name="Asha Rao")


@pytest.fixture
def browser(learner: Person) -> Client:
    client = Client(HTTP_HOST="127.0.0.1")
    client.force_login(learner, backend="allauth.account.auth_backends.AuthenticationBackend")
    return client


def text(response: Any) -> str:
    content: str = response.content.decode()
    return content


def begin(browser: Client, **fields: str) -> str:
    """Confirms, and returns the payment page."""
    response = browser.post(f"{COURSE}enroll/", {"confirm": "1", **fields})
    assert response.status_code == 303, text(response)
    return str(response["Location"]).partition("?")[0]


def return_to(browser: Client, page: str, fields: dict[str, str]) -> Any:
    """The gateway sends the browser back, from another site: without its cookies."""
    return Client(HTTP_HOST="127.0.0.1").post(f"{page}return/", fields)


def gateway_order(browser: Client, page: str) -> str:
    """What the payment page was made for; opening it has the gateway make its order."""
    browser.get(page)
    from matricula.kernel import ids

    payment = Payment.objects.get(pk=ids.from_text("pay", page.split("/")[2]))
    assert payment.provider_order_id is not None
    return payment.provider_order_id


def test_the_confirmation_shows_the_exact_price(browser: Client) -> None:
    page = text(browser.get(f"{COURSE}enroll/", {"coupon": "SAVE50"}))
    for part in ("₹4,999.00", "₹1,499.50", "CGST 9", "₹134.96", "SGST 9", "₹1,769.42"):
        assert part in page, part
    assert "Confirm and pay ₹1,769.42" in page


def test_elsewhere_in_india_it_is_igst(browser: Client) -> None:
    fields = {"coupon": "save50", "country": "IN", "state": "MH"}
    page = text(browser.get(f"{COURSE}enroll/", fields))
    assert "IGST 18" in page
    assert "₹1,769.41" in page


@pytest.mark.parametrize(
    ("code", "words"),
    [("NOPE", "not valid"), ("OLD", "expired")],
)
def test_a_coupon_that_is_refused_is_said_beside_its_field(
    browser: Client, code: str, words: str
) -> None:
    page = text(browser.post(f"{COURSE}enroll/", {"coupon": code, "confirm": "1"}))
    assert words in page
    assert f'value="{code}"' in page
    assert not Order.objects.exists()


def test_from_the_confirmation_to_a_seat(browser: Client, sandbox: Sandbox) -> None:
    page = begin(browser, coupon="SAVE50")
    shown = browser.get(page)
    assert 'data-payment-state="ready"' in text(shown)
    assert sandbox.account.base_url in shown["Content-Security-Policy"]
    given = sandbox.pay(gateway_order(browser, page), vpa="success@razorpay")
    assert return_to(browser, page, given)["Location"] == page
    assert browser.get(page)["Location"].startswith("/enrollments/")
    assert Enrollment.objects.get().stage == "confirmed"
    assert Order.objects.get().total_minor == 176_942


def test_a_failure_is_told_and_the_same_order_is_paid(browser: Client, sandbox: Sandbox) -> None:
    page = begin(browser)
    order = gateway_order(browser, page)
    error = sandbox.pay(order, vpa="failure@razorpay")["error"]
    return_to(browser, page, {"error[code]": error["code"]})
    shown = text(browser.get(page))
    assert 'data-payment-state="failed"' in shown
    assert "declined in the UPI app" in shown
    browser.post(f"{page}again/")
    assert 'data-payment-state="ready"' in text(browser.get(page))
    return_to(browser, page, sandbox.pay(order))
    assert Enrollment.objects.get().stage == "confirmed"


def test_a_forged_return_changes_nothing(browser: Client, sandbox: Sandbox) -> None:
    page = begin(browser)
    given = {
        **sandbox.pay(gateway_order(browser, page), webhook="never"),
        "razorpay_signature": "0" * 64,
    }
    assert return_to(browser, page, given).status_code == 400
    assert Enrollment.objects.get().stage == "payment_pending"


def test_a_gateway_that_is_away_keeps_the_seat(browser: Client, sandbox: Sandbox) -> None:
    sandbox.faults({"kind": "server_error", "times": 2})
    page = begin(browser)
    assert 'data-payment-state="slow"' in text(browser.get(page))
    browser.get(page)
    assert 'data-payment-state="ready"' in text(browser.get(page))


@pytest.fixture
def refusals(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The gateway refuses to make orders, as with a wrong key; how often it was asked."""
    asked: list[str] = []

    def refuse(_self: Any, request: OrderRequest) -> None:
        asked.append(request.receipt)
        raise GatewayRefused("Authentication failed", reason="BAD_REQUEST_ERROR", http_status=401)

    with monkeypatch.context() as patch:
        patch.setattr(gateways.RazorpayProvider, "create_order", refuse)
        yield asked


def test_a_gateway_that_refuses_is_no_slow_one(
    browser: Client, sandbox: Sandbox, refusals: list[str]
) -> None:
    page = begin(browser)
    for _ in range(3):
        shown = text(browser.get(page))
        assert 'data-payment-state="refused"' in shown
        assert "mistake in our payment set-up" in shown
        assert "data-live-again" not in shown  # it does not ask by itself
    assert len(refusals) == 1
    (task,) = open_tasks()
    assert "Authentication failed" in task.detail
    assert Enrollment.objects.get().stage == "payment_pending"


def test_staff_is_told_once_a_day_however_many_cannot_pay(
    sandbox: Sandbox, refusals: list[str]
) -> None:
    for _ in range(3):
        client = Client(HTTP_HOST="127.0.0.1")
        client.force_login(person(), backend="allauth.account.auth_backends.AuthenticationBackend")
        client.get(begin(client))
    assert len(refusals) == 3
    assert len(open_tasks()) == 1


def test_once_the_set_up_is_mended_the_payment_is_tried_again(
    browser: Client, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_self: Any, request: OrderRequest) -> None:
        raise GatewayRefused("Authentication failed", reason="BAD_REQUEST_ERROR", http_status=401)

    with monkeypatch.context() as patch:
        patch.setattr(gateways.RazorpayProvider, "create_order", refuse)
        page = begin(browser)
        browser.get(page)
    assert 'data-payment-state="refused"' in text(browser.get(page))
    browser.post(f"{page}again/")
    assert 'data-payment-state="ready"' in text(browser.get(page))


def test_somebody_elses_payment_is_not_found(browser: Client, sandbox: Sandbox) -> None:
    page = begin(browser)
    other = Client(HTTP_HOST="127.0.0.1")
    assert other.get(page).status_code == 404
    other.force_login(person(), backend="allauth.account.auth_backends.AuthenticationBackend")
    for path in (page, f"{page}again/", f"{page}more-time/", f"{page}give-up/"):
        ask = other.get if path == page else other.post
        assert ask(path).status_code == 404


def test_more_time_and_giving_up(browser: Client, sandbox: Sandbox) -> None:
    page = begin(browser)
    before = Enrollment.objects.get().hold_expires_at
    browser.post(f"{page}more-time/")
    after = Enrollment.objects.get().hold_expires_at
    assert before is not None
    assert after is not None
    assert after > before
    browser.post(f"{page}give-up/")
    assert Enrollment.objects.get().stage == "cancelled"
    assert 'data-payment-state="cancelled"' in text(browser.get(page))


def test_a_cart_of_two_is_one_payment(browser: Client, sandbox: Sandbox) -> None:
    for slug in ("full-stack-development", "evening-lab"):
        browser.post("/cart/add/", {"course": slug})
    assert "₹4,538.82" in text(browser.get("/cart/"))
    response = browser.post("/cart/", {"confirm": "1"})
    page = str(response["Location"]).partition("?")[0]
    return_to(browser, page, sandbox.pay(gateway_order(browser, page)))
    assert {row.stage for row in Enrollment.objects.all()} == {"confirmed"}
    order_page = browser.get(page)["Location"]
    assert order_page.startswith("/orders/")
    assert 'data-order-state="paid"' in text(browser.get(order_page))
    assert "Nothing in it yet" in text(browser.get("/cart/"))


# --- guests -----------------------------------------------------------------------------------


def buy_as_guest(sandbox: Sandbox, email: str) -> tuple[Client, str]:
    browser = Client(HTTP_HOST="127.0.0.1")
    response = browser.post(
        f"{COURSE}guest/", {"full_name": "Ravi", "email": email, "confirm": "1"}
    )
    assert response.status_code == 303, text(response)
    page = str(response["Location"]).partition("?")[0]
    return_to(browser, page, sandbox.pay(gateway_order(browser, page)))
    return browser, page


def mailed_link() -> str:
    tell.tell(Event.objects.filter(type="payment.completed").values_list("seq", flat=True))
    mail = Delivery.objects.filter(kind="receipt").latest("created_at")
    assert mail.content is not None
    body = mail.content["text"]
    found = re.search(r"/guests/\S+", body)
    assert found is not None
    return found.group()


def test_a_guest_pays_first_and_gets_the_account_by_mail(sandbox: Sandbox) -> None:
    browser, page = buy_as_guest(sandbox, "new.guest@example.com")
    assert "Now look into your mail" in text(browser.get(page))
    link = mailed_link()
    assert "Choose a password" in text(browser.get(link))
    assert browser.post(link, {"password": "123"}).status_code == 200
    response = browser.post(link, {"password": "correct-horse-97-battery"})
    assert response["Location"] == "/me/"
    assert "Full Stack Development" in text(browser.get("/me/"))
    assert browser.get(link).status_code == 404


def test_a_guest_with_somebodys_address_learns_nothing_and_is_refunded(
    sandbox: Sandbox, learner: Person, browser: Client
) -> None:
    page = begin(browser)
    return_to(browser, page, sandbox.pay(gateway_order(browser, page)))
    stranger, his_page = buy_as_guest(sandbox, learner.email)
    fresh, her_page = buy_as_guest(sandbox, "nobody.yet@example.com")
    strange, plain = text(stranger.get(his_page)), text(fresh.get(her_page))
    assert (
        strange.replace(learner.email, "X").split("<main")[1].split("</main")[0]
        == plain.replace("nobody.yet@example.com", "X").split("<main")[1].split("</main")[0]
    )
    his = Enrollment.objects.get(person__guest_email=learner.email)
    assert his.stage == "refunded"


def test_a_guest_joins_an_account_only_after_signing_in(
    sandbox: Sandbox, learner: Person, browser: Client
) -> None:
    buy_as_guest(sandbox, learner.email)
    link = mailed_link()
    nobody = Client(HTTP_HOST="127.0.0.1")
    assert "Sign in" in text(nobody.get(link))
    nobody.post(link, {"password": "correct-horse-97-battery"})
    assert Enrollment.objects.get().person_id != learner.pk
    browser.post(link)
    assert Enrollment.objects.get().person_id == learner.pk


def test_a_refused_guest_leaves_nothing_behind() -> None:
    browser = Client(HTTP_HOST="127.0.0.1")
    page = text(browser.post(f"{COURSE}guest/", {"full_name": "", "email": "x", "confirm": "1"}))
    assert "Give an e-mail address" in page
    assert "Give your name" in page
    assert not Person.objects.exclude(guest_email="").exists()


def test_an_address_cannot_hold_every_seat_as_guests(settings: Any, sandbox: Sandbox) -> None:
    settings.ACCOUNT_RATE_LIMITS = {"guest_checkout": "2/10m/ip"}
    answers = []
    for number in range(3):
        fields = {"full_name": "R", "email": f"g{number}@example.com", "confirm": "1"}
        answers.append(Client(HTTP_HOST="127.0.0.1").post(f"{COURSE}guest/", fields).status_code)
    assert answers == [303, 303, 429]
    assert Order.objects.count() == 2


def test_a_receipt_and_an_invoice_are_the_owners_alone(browser: Client, sandbox: Sandbox) -> None:
    page = begin(browser)
    return_to(browser, page, sandbox.pay(gateway_order(browser, page)))
    order = Order.objects.get()
    issue.issue_invoice(order.pk)
    receipt = f"/orders/{order}/receipt.pdf"
    shown = text(browser.get(f"/orders/{order}/"))
    assert receipt in shown
    papers = re.findall(r'href="(/orders/[^"]+/documents/[^"]+)"', shown)
    assert len(papers) == 1
    stranger = Client(HTTP_HOST="127.0.0.1")
    stranger.force_login(person(), backend="allauth.account.auth_backends.AuthenticationBackend")
    for address in (receipt, *papers):
        answer = browser.get(address)
        assert answer["Content-Type"] == "application/pdf"
        assert answer.content.startswith(b"%PDF")
        assert stranger.get(address).status_code == 404
