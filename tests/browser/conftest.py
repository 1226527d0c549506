"""A Chromium for the tests of this folder, and pages that remember what went wrong in them."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright

CHROMIUM = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
)

# A condition is waited for, however busy the machine is.
expect.set_options(timeout=20_000)
OpenPage = Callable[..., Page]
BLOCKED = "Service Worker registration blocked by Playwright"


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "browser: needs Chromium")


# Playwright's event loop stays with the thread while it runs, and Django's ORM refuses to work
# beside it: so it ends with the module.
@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    path = next(filter(None, map(shutil.which, CHROMIUM)), None)
    assert path, "no Chromium: run scripts/browser.sh"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(QUIET))
        yield browser
        browser.close()


@pytest.fixture
def troubles() -> list[str]:
    """What the pages of this test complained of: errors, warnings, violations of the CSP."""
    return []


@pytest.fixture
def open_page(chromium: Browser, live_site: str, troubles: list[str]) -> Iterator[OpenPage]:
    """Opens a browser of its own on the site: `open_page(width=360, javascript=False)`.

    Without a service worker unless asked: a test sees the requests of a page only without one.
    """
    contexts = []

    def note(message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"} and BLOCKED not in message.text:
            troubles.append(f"{message.page.url if message.page else ''} {message.text}")

    def opened(
        *, width: int = 1280, javascript: bool = True, scheme: str = "light", worker: bool = False
    ) -> Page:
        context = chromium.new_context(
            base_url=live_site,
            viewport={"width": width, "height": 740},
            java_script_enabled=javascript,
            color_scheme="dark" if scheme == "dark" else "light",
            service_workers="allow" if worker else "block",
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(30_000)
        page.on("console", note)
        page.on("pageerror", lambda error: troubles.append(str(error)))
        return page

    yield opened
    for context in contexts:
        context.close()
