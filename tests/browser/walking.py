"""The steps a person takes through the pages."""

from __future__ import annotations

import re
import secrets

from playwright.sync_api import Page, expect

PASSWORD = "correct-horse-battery-9"
CONTROL = "[data-enroll-state]"
SUBMIT = "main form button[type=submit]"


def new_address() -> str:
    return f"{secrets.token_hex(8)}@browser.example.com"


def fill_in_sign_up(page: Page) -> None:
    """On the sign-up page: makes an account and goes where it leads."""
    page.get_by_label("Full name").fill("Nora Lind")
    page.get_by_label("Email").fill(new_address())
    page.get_by_label("Password").fill(PASSWORD)
    page.locator(SUBMIT).click()


def sign_up(page: Page) -> None:
    """A new person, signed in: their browser sends the form, without its page being drawn."""
    html = page.request.get("/accounts/signup/").text()
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', html)
    assert token is not None
    new = {"full_name": "Nora Lind", "email": new_address(), "password1": PASSWORD}
    answer = page.request.post(
        "/accounts/signup/", form={**new, "csrfmiddlewaretoken": token.group(1)}
    )
    assert answer.url.endswith("/me/"), answer.text()


def enroll(page: Page, slug: str) -> None:
    """From the course page to the status page, in two clicks."""
    page.goto(f"/courses/{slug}/")
    page.locator(CONTROL).click()
    page.locator(SUBMIT).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("You are enrolled")


def confirm(page: Page) -> None:
    """On the review of something that costs: agrees to the price."""
    page.get_by_role("button", name=re.compile("Confirm and pay")).click()


def confirm_and_stay(page: Page) -> None:
    """As far as the payment page, where nothing opens by itself: somebody has come back to it."""
    confirm(page)
    expect(page).to_have_url(re.compile(r"/pay/pay_\w{26}/"))
    page.goto(page.url.partition("?")[0])
