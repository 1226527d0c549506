"""Support in real browsers: a question, an answer in another browser, with and without scripts."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import OpenPage
from tests.browser.walking import SUBMIT, sign_up

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

SEND = "main form.form button[type=submit]"


def staff(open_page: OpenPage) -> Page:
    page = open_page()
    page.goto("/accounts/login/")
    page.get_by_label("Email").fill("staff@example.com")
    page.get_by_label("Password").fill("matricula-demo")
    page.locator(SUBMIT).click()
    expect(page.get_by_role("link", name="My courses").first).to_be_visible()
    return page


def answer(console: Page, subject: str, content: str) -> None:
    console.goto("/console/support/conversation/")
    console.get_by_role("link", name=subject).click()
    console.get_by_label("Answer").fill(content)
    console.get_by_role("button", name="Send the answer").click()
    expect(console.get_by_text(content).first).to_be_visible()


@pytest.mark.parametrize("width", [360, 1280])
@pytest.mark.parametrize("javascript", [True, False], ids=["scripts", "no scripts"])
def test_from_a_failed_page_to_the_answer(
    open_page: OpenPage, troubles: list[str], javascript: bool, width: int
) -> None:
    subject = f"Trouble {javascript} {width}"
    page = open_page(javascript=javascript, width=width)
    sign_up(page)
    page.goto("/courses/nothing-here/")
    page.get_by_role("link", name="Contact support").click()
    expect(page.get_by_label("Reference")).not_to_have_value("")
    page.get_by_label("What happened?").fill(subject)
    page.locator(SEND).click()
    expect(page).to_have_url(re.compile(r"/support/sup_\w{26}/$"))
    expect(page.get_by_role("heading", level=1)).to_have_text(subject)

    answer(staff(open_page), subject, "We look into it.")
    if not javascript:
        page.get_by_role("link", name="Refresh").click()
    expect(page.locator(".said.staff .words")).to_have_text("We look into it.")
    page.get_by_label("Write again").fill("Thank you.\nIt works.")
    page.locator(SEND).click()
    expect(page.locator(".said.person .words").last).to_have_text("Thank you.\nIt works.")
    expect(page.get_by_label("Write again")).to_have_value("")
    page.get_by_role("button", name="It is settled: close it").click()
    expect(page.get_by_text("The conversation was closed.")).to_be_visible()
    # What failed was meant to: the page that is not there.
    assert [text for text in troubles if "404" not in text] == []


def test_two_browsers_talk_live(open_page: OpenPage, troubles: list[str]) -> None:
    page = open_page()
    sign_up(page)
    page.goto("/support/")
    page.get_by_label("What happened?").fill("Are you there?")
    page.locator(SEND).click()
    expect(page).to_have_url(re.compile(r"/support/sup_\w{26}/$"))
    where = page.url
    page.evaluate("document.body.dataset.sameDocument = '1'")
    console = staff(open_page)
    for number in range(2):
        page.get_by_label("Write again").fill(f"Question {number}")
        page.locator(SEND).click()
        expect(page.locator(".said.person .words").last).to_have_text(f"Question {number}")
        answer(console, "Are you there?", f"Answer {number}")
        said = page.locator(".said.staff .words").last
        expect(said).to_have_text(f"Answer {number}")
        expect(page.locator("[data-talk-status]")).to_have_text("Support has written.")
    assert page.url == where, "the form went by itself"
    assert page.evaluate("document.body.dataset.sameDocument") == "1"
    numbers = page.evaluate("[...document.querySelectorAll('.said')].map((line) => line.id)")
    assert numbers == [f"message-{n}" for n in range(1, 6)]
    assert troubles == []


def test_what_cannot_be_kept_is_said_and_not_lost(open_page: OpenPage) -> None:
    page = open_page()
    sign_up(page)
    page.goto("/support/")
    page.get_by_label("What happened?").fill("Hello?")
    page.locator(SEND).click()
    expect(page).to_have_url(re.compile(r"/support/sup_"))
    page.wait_for_function("performance.getEntriesByType('resource').length > 0")
    page.get_by_label("Write again").fill("   ")
    page.locator(SEND).click()
    expect(page.get_by_role("alert").first).to_be_visible()
    page.get_by_label("Write again").fill("I meant this.")
    page.locator(SEND).click()
    expect(page.locator(".said.person .words").last).to_have_text("I meant this.")


def test_without_a_socket_the_form_goes_by_itself_and_nothing_comes_twice(
    open_page: OpenPage,
) -> None:
    page = open_page()
    page.add_init_script("window.WebSocket = class { static OPEN = 1; send() {} close() {} };")
    sign_up(page)
    page.goto("/support/")
    page.get_by_label("What happened?").fill("Hello?")
    page.locator(SEND).click()
    expect(page).to_have_url(re.compile(r"/support/sup_"))
    page.get_by_label("Write again").fill("By the form.")
    page.locator(SEND).dblclick()
    expect(page.locator(".said.person .words").last).to_have_text("By the form.")
    expect(page.locator(".said")).to_have_count(2)


def test_a_guest_reads_the_answer_by_the_mailed_link(open_page: OpenPage) -> None:
    page = open_page(javascript=False, width=360)
    page.goto("/support/")
    page.get_by_label("Your name").fill("Gus Guest")
    page.get_by_label("E-mail address").fill("gus@browser.example.com")
    page.get_by_label("What happened?").fill("Who teaches?")
    page.locator(SEND).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("We have your message")
