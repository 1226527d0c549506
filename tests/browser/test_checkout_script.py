"""The gateway sandbox's `checkout.js` in a shop's page: time that runs out, and `redirect`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

import pytest
from playwright.sync_api import Browser, FrameLocator, Page, Route, expect

from tests.support.sandbox import Sandbox

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]
AN_HOUR = 3_600_000
PAGE = """
<!doctype html><title>shop</title><body><h1>Shop</h1><script src="{script}"></script>
<script>
const told = (words) => {{ document.querySelector("h1").textContent = words; }};
const options = {{
  ...{options},
  handler: () => told("handled in the page"),
  modal: {{ ondismiss: (reason) => told("closed: " + reason) }},
}};
new Razorpay(options).open();
</script>
"""


@dataclass
class Shop:
    """A page that opens the checkout, and what was posted to its `callback_url`. The test answers
    for it at the gateway's own address: a page that nobody serves may not load from a loopback
    address other than its own."""

    sandbox: Sandbox
    page: Page
    html: str = ""
    posted: list[dict[str, str]] = field(default_factory=list)

    def answer(self, route: Route) -> None:
        request = route.request
        if request.method == "POST":
            self.posted.append(dict(parse_qsl(request.post_data or "")))
            route.fulfill(content_type="text/html", body="<h1>back in the shop</h1>")
        else:
            route.fulfill(content_type="text/html", body=self.html)

    def open(self, **options: object) -> str:
        """Opens the checkout of a new order; its id."""
        account = self.sandbox.account
        order = self.sandbox.http.post(
            "/v1/orders",
            json={"amount": 10_000, "currency": "INR"},
            auth=(account.key_id, account.key_secret),
        ).json()
        options = {
            "key": account.key_id,
            "order_id": order["id"],
            "callback_url": f"{account.base_url}/shop/back",
            **options,
        }
        script = f"{account.base_url}/v1/checkout.js"
        self.html = PAGE.format(script=script, options=json.dumps(options))
        self.page.goto(f"{account.base_url}/shop/")
        expect(self.form().get_by_label("UPI ID")).to_be_visible()
        return str(order["id"])

    def form(self) -> FrameLocator:
        return self.page.frame_locator("iframe.razorpay-checkout-frame")

    def pay(self, vpa: str) -> None:
        self.form().get_by_label("UPI ID").fill(vpa)
        self.form().get_by_role("button", name="Pay by UPI ID").click()

    def says(self, words: str) -> None:
        expect(self.page.get_by_role("heading", level=1)).to_have_text(words)
        expect(self.page.locator("iframe")).to_have_count(0)


@pytest.fixture
def shop(chromium: Browser, sandbox: Sandbox) -> Iterator[Shop]:
    context = chromium.new_context()
    page = context.new_page()
    shop = Shop(sandbox, page)
    page.route(f"{sandbox.account.base_url}/shop/**", shop.answer)
    yield shop
    context.close()


def test_time_that_is_over_closes_the_checkout_and_says_so(shop: Shop) -> None:
    shop.page.clock.install()
    shop.open(timeout=600)
    shop.page.clock.run_for(AN_HOUR)
    shop.says("closed: timeout")
    assert shop.page.evaluate("document.body.style.overflow") == ""
    assert shop.posted == []


def test_a_form_sent_when_the_time_is_over_pays_nothing_and_closes_it_too(shop: Shop) -> None:
    order = shop.open(timeout=600)
    shop.sandbox.post("/_sandbox/clock", {"advance_seconds": 700})  # the page's own goes on
    shop.pay("success@razorpay")
    shop.says("closed: timeout")
    assert shop.sandbox.events() == []
    assert shop.sandbox.pay(order)["razorpay_order_id"] == order  # nothing was paid before


def test_who_pays_in_time_is_not_told_later_that_it_was_over(shop: Shop) -> None:
    shop.page.clock.install()
    shop.open(timeout=600)
    shop.pay("success@razorpay")
    shop.says("handled in the page")
    shop.page.clock.run_for(AN_HOUR)
    shop.says("handled in the page")


def test_with_redirect_a_payment_is_posted_to_the_shop(shop: Shop) -> None:
    order = shop.open(redirect=True)
    shop.pay("success@razorpay")
    shop.says("back in the shop")
    (posted,) = shop.posted
    assert posted["razorpay_order_id"] == order
    assert set(posted) == {"razorpay_order_id", "razorpay_payment_id", "razorpay_signature"}


def test_with_redirect_a_failure_is_posted_to_the_shop_too(shop: Shop) -> None:
    order = shop.open(redirect=True)
    shop.pay("failure@razorpay")
    shop.says("back in the shop")
    (posted,) = shop.posted
    assert posted["error[code]"] == "BAD_REQUEST_ERROR"
    assert json.loads(posted["error[metadata]"])["order_id"] == order


def test_without_redirect_a_failure_lets_the_payer_try_again(shop: Shop) -> None:
    shop.open()
    shop.pay("failure@razorpay")
    expect(shop.form().get_by_text("declined in the UPI app")).to_be_visible()
    shop.pay("success@razorpay")
    shop.says("handled in the page")
    assert shop.posted == []
