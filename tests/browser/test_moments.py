"""Moments on the reader's own clock; without scripts, on the installation's, which is named."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import OpenPage

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]
DEADLINE = ".panel time[data-moment]"
Read = Callable[[str, str], Page]


@pytest.fixture
def read_in(chromium: Browser, live_site: str) -> Iterator[Read]:
    """The page of a course, as somebody in this zone reads it in this language."""
    contexts = []

    def read(zone: str, language: str) -> Page:
        context = chromium.new_context(
            base_url=live_site, timezone_id=zone, locale=language, service_workers="block"
        )
        contexts.append(context)
        page = context.new_page()
        page.goto("/courses/hot-drop/")
        return page

    yield read
    for context in contexts:
        context.close()


def test_a_deadline_is_told_on_the_readers_clock_with_its_zone(read_in: Read) -> None:
    page = read_in("Asia/Kolkata", "en")
    deadline = page.locator(DEADLINE)
    expect(deadline).to_have_text(re.compile(r"^\d+ \w+ \d{4}, 05:30 IST$"))
    expect(deadline).to_have_attribute("title", re.compile(r"^\d+ \w+ \d{4}, 00:00 UTC$"))
    expect(page.locator(".intakes time[data-moment]")).to_have_text(re.compile("05:30 IST$"))
    # What a live page puts back in the server's words is put right again.
    deadline.evaluate("time => time.textContent = time.title")
    expect(deadline).to_have_text(re.compile("IST$"))


def test_it_is_written_as_the_language_of_the_page_does(read_in: Read) -> None:
    page = read_in("Asia/Dubai", "ar")
    expect(page.locator(DEADLINE)).to_have_text(re.compile(r"^\d+ \S+ \d{4}، 04:00 غرينتش\+4$"))


def test_without_scripts_the_zone_of_the_installation_is_named(open_page: OpenPage) -> None:
    page = open_page(javascript=False)
    page.goto("/courses/hot-drop/")
    expect(page.locator(DEADLINE)).to_have_text(re.compile(r", 00:00 UTC$"))
