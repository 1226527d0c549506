"""Every letter the site writes, one after the other."""

from __future__ import annotations

import time
from collections.abc import Iterator

from playwright.sync_api import Page

from tests.gallery.walk import sign_up

_PATIENCE = 120  # seconds that a worker on a busy machine may take
_SENT = "main a[href^='/demo/mail/']:not([href^='/demo/mail/letters'])"


def letters(page: Page, language: str) -> Iterator[str]:
    """Leads `page` to a sample of each kind, in the language, and to the mail about a new account,
    which is written by the sign-in library and dressed by us."""
    page.goto("/demo/mail/letters/")
    frames = page.locator("iframe.letter-frame").all()
    addresses = [frame.get_attribute("src") or "" for frame in frames]
    assert addresses
    for address in addresses:
        page.goto(f"{address}?language={language}")
        yield f"letter-{address.split('/')[-3]}"
    sign_up(page)
    page.goto(_newest(page) + "/0/")
    yield "letter-account"


def _newest(page: Page) -> str:
    """The address of the newest mail that was sent, once there is one."""
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        page.goto("/demo/mail/")
        if page.locator(_SENT).count():
            return page.locator(_SENT).first.get_attribute("href") or ""
        page.wait_for_timeout(250)
    raise AssertionError("no mail was sent")
