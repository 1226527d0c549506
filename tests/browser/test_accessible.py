"""No violation of WCAG 2.2 AA offline; `test_every_page.py` looks at the pages of a connection."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.browser.accessibility import violations
from tests.browser.conftest import OpenPage
from tests.browser.walking import SUBMIT, sign_up

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]
SCHEMES = pytest.mark.parametrize("scheme", ["light", "dark"])


@SCHEMES
def test_offline_and_what_was_written_down(open_page: OpenPage, scheme: str) -> None:
    page = open_page(width=360, scheme=scheme)
    found = []
    for path in ("/offline/", "/offline/enroll/"):
        page.goto(path)
        found += violations(page)
    sign_up(page)
    page.goto("/courses/hot-drop/enroll/")
    page.context.set_offline(True)
    page.locator(SUBMIT).click()
    expect(page.locator("li.queued")).to_contain_text("Not yet sent")
    found += violations(page)
    page.context.set_offline(False)
    expect(page.locator("li.queued")).to_contain_text(re.compile("Enrolled Successfully!"))
    found += violations(page)
    assert found == []
