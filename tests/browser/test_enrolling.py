"""A learner's whole way, in a real browser, with and without JavaScript."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.conftest import OpenPage
from tests.browser.keyboard import press
from tests.browser.walking import CONTROL, SUBMIT, enroll, fill_in_sign_up, sign_up

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]


def running_courses(page: Page) -> int:
    page.goto("/me/")
    return page.locator(".cards .card", has=page.locator(".mine")).count()


@pytest.mark.parametrize("javascript", [True, False], ids=["scripts", "no scripts"])
@pytest.mark.parametrize("width", [360, 1280])
def test_from_a_course_page_to_a_seat_and_back(
    open_page: OpenPage, troubles: list[str], width: int, javascript: bool
) -> None:
    page = open_page(width=width, javascript=javascript)
    page.goto("/")
    page.get_by_role("link", name="Basic Programming").click()
    control = page.locator(CONTROL)
    expect(control).to_have_attribute("data-enroll-state", "login_required")
    expect(control).to_have_text("Login to Enroll")
    control.click()
    page.get_by_role("link", name="Create an account").click()
    fill_in_sign_up(page)

    # Straight back in the enrollment: what is agreed to, then one press.
    expect(page.get_by_role("heading", level=1)).to_have_text("Check and confirm")
    page.locator(SUBMIT).click()
    expect(page).to_have_url(re.compile(r"/enrollments/enr_\w{26}/$"))
    expect(page.get_by_text("Enrolled Successfully!")).to_be_visible()
    expect(page.locator("article")).to_have_attribute("data-enrollment-status", "enrolled")
    status_url = page.url
    page.get_by_role("link", name="Refresh").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("You are enrolled")

    page.get_by_role("link", name="My courses").first.click()
    page.get_by_role("link", name="Basic Programming", exact=True).click()
    expect(page.get_by_text("Lessons arrive here")).to_be_visible()

    page.goto(status_url)
    page.get_by_role("link", name="Cancel this enrollment").click()
    page.get_by_label("Why?").fill("The dates do not suit me.")
    page.get_by_role("button", name="Cancel the enrollment").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("This enrollment is cancelled")
    expect(page.get_by_text("The dates do not suit me.")).to_be_visible()
    page.get_by_role("link", name="Enroll again").click()
    expect(page.locator(CONTROL)).to_have_attribute("data-enroll-state", "available")
    assert troubles == []


def test_signed_in_two_clicks_are_enough(open_page: OpenPage) -> None:
    page = open_page()
    sign_up(page)
    enroll(page, "hot-drop")
    page.goto("/courses/hot-drop/")
    expect(page.locator(CONTROL)).to_have_text("Already Enrolled")
    page.locator(CONTROL).click()
    expect(page).to_have_url(re.compile("/learn/hot-drop/$"))


@pytest.mark.parametrize("javascript", [True, False], ids=["scripts", "no scripts"])
def test_a_double_click_books_one_seat(open_page: OpenPage, javascript: bool) -> None:
    page = open_page(javascript=javascript)
    sign_up(page)
    page.goto("/courses/hot-drop/enroll/")
    page.locator(SUBMIT).dblclick()
    expect(page.get_by_role("heading", level=1)).to_have_text("You are enrolled")
    assert running_courses(page) == 1


def hold_back(page: Page) -> list[Route]:
    """Keeps what the confirmation sends from arriving, until a test lets it."""
    held: list[Route] = []
    page.route(
        "**/enroll/",
        lambda route: held.append(route) if route.request.method == "POST" else route.continue_(),
    )
    return held


def test_the_button_locks_and_says_what_is_going_on(open_page: OpenPage) -> None:
    page = open_page()
    sign_up(page)
    page.goto("/courses/hot-drop/enroll/")
    held = hold_back(page)
    button = page.locator(SUBMIT).first
    button.click()
    expect(button).to_have_text("Enrolling...")
    expect(button).to_have_attribute("aria-disabled", "true")
    expect(button).to_be_focused()
    expect(page.locator("[data-enroll-status]")).to_have_text("Enrolling...")
    button.dispatch_event("click")
    button.press("Enter")
    assert len(held) == 1
    held[0].continue_()
    expect(page.get_by_role("heading", level=1)).to_have_text("You are enrolled")


def test_a_slow_request_says_so_and_can_be_stopped(open_page: OpenPage) -> None:
    page = open_page(width=360)
    sign_up(page)
    page.goto("/courses/hot-drop/enroll/")
    hold_back(page)
    page.locator(SUBMIT).first.click()
    page.get_by_role("button", name="Stop waiting").click()
    status = page.locator("[data-enroll-status]")
    expect(status).to_contain_text("Stopped waiting.")
    expect(page.get_by_role("button", name="Stop waiting")).to_be_hidden()
    page.unroute("**/enroll/")
    page.get_by_role("button", name="Confirm and enroll").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("You are enrolled")


def test_a_refusal_is_shown_with_its_ways_on(open_page: OpenPage) -> None:
    page, other = open_page(), open_page()
    for one in (page, other):
        sign_up(one)
        one.goto("/courses/tiny-seminar/enroll/")
    other.locator(SUBMIT).click()
    expect(other.get_by_role("heading", level=1)).to_have_text("You are enrolled")
    page.locator(SUBMIT).click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("full")
    expect(page.get_by_role("link", name="Enrollment Failed - Try Again")).to_be_visible()
    expect(page.get_by_role("heading", name="You could take instead")).to_be_visible()
    other.get_by_role("link", name="Cancel this enrollment").click()
    other.locator(SUBMIT).click()  # the seat is free again, for other tests
    expect(other.get_by_role("heading", level=1)).to_have_text("This enrollment is cancelled")


def test_coming_back_finds_the_button_unlocked(open_page: OpenPage) -> None:
    page = open_page()
    sign_up(page)
    page.goto("/courses/hot-drop/enroll/")
    hold_back(page)
    button = page.locator(SUBMIT).first
    button.click()
    expect(button).to_have_text("Enrolling...")
    page.evaluate("window.dispatchEvent(new Event('pageshow'))")
    expect(button).to_have_text("Confirm and enroll")


@pytest.mark.parametrize("javascript", [True, False], ids=["scripts", "no scripts"])
def test_going_back_after_enrolling_books_nothing_twice(
    open_page: OpenPage, javascript: bool
) -> None:
    page = open_page(javascript=javascript)
    sign_up(page)
    enroll(page, "hot-drop")
    page.go_back()
    if "/enroll/" in page.url:  # an old copy of the form: sending it again is harmless
        expect(page.locator(SUBMIT)).to_have_text("Confirm and enroll")
        page.locator(SUBMIT).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("You are enrolled")
    assert running_courses(page) == 1


def test_going_back_to_the_course_shows_its_new_state(open_page: OpenPage) -> None:
    page = open_page()
    sign_up(page)
    page.goto("/courses/hot-drop/")
    enroll(page, "hot-drop")
    page.go_back()
    page.go_back()
    page.goto("/courses/hot-drop/")
    expect(page.locator(CONTROL)).to_have_text("Already Enrolled")


def test_two_tabs_book_one_seat(open_page: OpenPage) -> None:
    page = open_page()
    sign_up(page)
    other = page.context.new_page()
    for tab in (page, other):
        tab.goto("/courses/hot-drop/enroll/")
    for tab in (page, other):
        tab.locator(SUBMIT).click()
        expect(tab.get_by_role("heading", level=1)).to_have_text("You are enrolled")
    expect(other.get_by_text("Nothing was booked twice.")).to_be_visible()
    assert page.url == other.url


def test_the_whole_way_by_keyboard(open_page: OpenPage) -> None:
    page = open_page()
    sign_up(page)
    page.goto("/courses/hot-drop/")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    press(page, CONTROL)
    expect(page.get_by_role("heading", level=1)).to_have_text("Check and confirm")
    press(page, SUBMIT)
    expect(page.get_by_role("heading", level=1)).to_have_text("You are enrolled")
