"""The catalog, searched while one types and by its buttons."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import OpenPage

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]


def test_the_list_follows_what_is_typed_and_the_address_keeps_it(
    open_page: OpenPage, troubles: list[str]
) -> None:
    page = open_page()
    page.goto("/")
    page.evaluate("window.isTheSamePage = true")
    page.get_by_label("Search courses").press_sequentially("basc program")
    expect(page.locator("[data-results] .card")).to_have_count(1)
    expect(page.locator("[data-found-status]")).to_have_text("1 course")
    expect(page).to_have_url(re.compile(r"\?search=basc\+program$"))
    expect(page.get_by_label("Search courses")).to_be_focused()
    page.get_by_label("Search courses").fill("")
    page.get_by_label("Price").select_option("paid")
    expect(page.locator("[data-results] .card")).to_have_count(3)
    page.get_by_label("Sort by").select_option("cheapest")
    expect(page.locator(".card-title").first).to_have_text("Evening Lab")
    assert page.evaluate("window.isTheSamePage") is True
    page.reload()
    expect(page.get_by_label("Price")).to_have_value("paid")
    expect(page.locator(".card-title").first).to_have_text("Evening Lab")
    assert troubles == []


def test_without_scripts_the_buttons_search_and_a_filter_is_taken_away_by_its_link(
    open_page: OpenPage,
) -> None:
    page = open_page(javascript=False, width=360)
    page.goto("/")
    page.get_by_label("Search courses").fill("knitting")
    page.get_by_label("Price").select_option("free")
    page.get_by_role("button", name="Apply").click()
    expect(page.get_by_role("heading", name="No course fits that")).to_be_visible()
    expect(page.get_by_role("heading", name="Starting soon")).to_be_visible()
    page.get_by_role("link", name="Without “knitting”").click()
    expect(page).to_have_url(re.compile(r"/\?price=free$"))
    expect(page.locator(".card").first).to_be_visible()
