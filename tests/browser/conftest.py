"""A Chromium for the tests of this folder, and pages that remember what went wrong in them."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright
from pytest_django import DjangoDbBlocker

from tests.support.crowds import django_on
from tests.support.paid_sites import PaidSite, running_paid_site

CHROMIUM = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
# The same engine without the browser's own windows: a third of the work.
SHELL = "chromium-headless-shell"
QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
)

# A condition is waited for, however busy the machine is.
PATIENCE = 60_000
expect.set_options(timeout=PATIENCE)
OpenPage = Callable[..., Page]
Backstage = Callable[[Callable[[], Any]], Any]
BLOCKED = "Service Worker registration blocked by Playwright"


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "browser: needs Chromium")


# Playwright's event loop stays with the thread while it runs, and Django's ORM refuses to work
# beside it: so it ends with the module.
@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    path = next(filter(None, map(shutil.which, (SHELL, *CHROMIUM))), None)
    assert path, "no Chromium: run scripts/browser.sh"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(QUIET))
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def paid_site() -> Iterator[PaidSite]:
    """A site with its worker and its gateway, which all browser tests of this process share that
    want one: they use people of their own, and courses of their own where seats are counted."""
    with running_paid_site() as paid:
        yield paid


@pytest.fixture
def backstage(paid_site: PaidSite, django_db_blocker: DjangoDbBlocker) -> Backstage:
    """Runs work on the paid site's database, in a thread where Playwright's loop does not run."""

    def run(work: Callable[[], Any]) -> Any:
        def there() -> Any:
            with django_db_blocker.unblock(), django_on(paid_site.site.database_url):
                return work()

        with ThreadPoolExecutor(1) as pool:
            return pool.submit(there).result()

    return run


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
        page.set_default_timeout(PATIENCE)
        page.on("console", note)
        page.on("pageerror", lambda error: troubles.append(str(error)))
        return page

    yield opened
    for context in contexts:
        context.close()
