"""Without a connection: what can be read, and what is written down until it is back."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
from playwright.sync_api import CDPSession, Locator, Page, expect

import matricula
from tests.browser.conftest import OpenPage
from tests.browser.walking import CONTROL, SUBMIT, sign_up
from tests.support.crowds import wait_until
from tests.support.sites import Site, running_site

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]
# A promise is always true for `wait_for_function`: these wait by themselves, and give up.
IS_SAVED = """async (path) => {
  for (let tries = 0; tries < 200; tries += 1) {
    if (await caches.match(path)) return true;
    await new Promise((next) => setTimeout(next, 50));
  }
  return false;
}"""
# Notes what the page asks the browser to do once it is closed.
NOTE_SYNC = """
if (window.SyncManager) {
  const usual = SyncManager.prototype.register;
  SyncManager.prototype.register = function (tag) {
    sessionStorage.asked = tag;
    return usual.call(this, tag);
  };
}
"""
ASKED_SYNC = "() => sessionStorage.asked === 'enrollments'"
IS_GONE = """async (name) => {
  for (let tries = 0; tries < 600; tries += 1) {
    if (!(await caches.keys()).includes(name)) return true;
    await new Promise((next) => setTimeout(next, 50));
  }
  return false;
}"""


@pytest.fixture(scope="module")
def own_site() -> Iterator[Site]:
    with running_site(workers=1) as site:
        yield site


@pytest.fixture
def live_site(own_site: Site) -> str:
    return own_site.url


def visit(page: Page, slug: str) -> None:
    """Looks at the course, until the worker has saved it: one that could not be installed is
    tried again with the next page, as for any visitor."""
    path = f"/courses/{slug}/"
    for _ in range(6):
        page.goto(path)
        if page.evaluate(IS_SAVED, path):
            return
    raise AssertionError(f"{path} was not saved")


def queued(page: Page) -> Locator:
    return page.locator("li.queued")


def enrollments(page: Page) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = page.request.get("/api/v1/enrollments").json()["items"]
    return items


def write_down(page: Page, slug: str) -> None:
    """Enrolls from the saved course page, without a connection."""
    page.context.set_offline(True)
    page.goto(f"/courses/{slug}/")
    page.locator(CONTROL).click()
    page.goto(f"/courses/{slug}/enroll/")
    page.get_by_role("button", name="Send it when I am back online").click()
    expect(queued(page)).to_contain_text("Not yet sent. No seat is held.")


def test_the_catalog_and_visited_courses_can_be_read(open_page: OpenPage) -> None:
    page = open_page(worker=True, width=360)
    visit(page, "basic-programming")
    page.context.set_offline(True)
    page.goto("/courses/basic-programming/")
    expect(page.get_by_role("heading", level=1)).to_have_text("Basic Programming")
    expect(page.get_by_text("This page was saved on")).to_be_visible()
    page.goto("/")
    expect(page.get_by_role("link", name="Hot Drop")).to_be_visible()
    page.goto("/me/")
    expect(page.get_by_role("heading", level=1)).to_have_text("You are offline")
    expect(page.locator("[data-kept-list]")).to_contain_text("Basic Programming")


def test_nothing_personal_is_saved(open_page: OpenPage) -> None:
    page = open_page(worker=True)
    sign_up(page)
    visit(page, "hot-drop")
    page.goto("/me/")
    page.context.set_offline(True)
    page.goto("/courses/hot-drop/")
    expect(page.get_by_role("link", name="Sign in", exact=True)).to_be_visible()
    expect(page.locator(CONTROL)).to_have_attribute("data-enroll-state", "login_required")
    saved = page.evaluate(
        """async () => (await Promise.all((await caches.keys()).map(async (name) => {
          const cache = await caches.open(name);
          const answers = await Promise.all((await cache.keys()).map((r) => cache.match(r)));
          return Promise.all(answers.map((answer) => answer.text()));
        }))).flat().join()"""
    )
    assert 'data-person="usr_' not in saved
    assert "Sign out" not in saved


def test_written_down_offline_and_sent_once_when_back(open_page: OpenPage) -> None:
    page = open_page(worker=True, width=360)
    sign_up(page)
    visit(page, "hot-drop")
    write_down(page, "hot-drop")
    page.goto("/me/")  # it is seen wherever one goes
    expect(queued(page)).to_contain_text("Hot Drop")
    page.context.set_offline(False)
    expect(queued(page)).to_contain_text("Enrolled Successfully!")
    assert [item["status"] for item in enrollments(page)] == ["enrolled"]
    page.reload()
    page.get_by_role("link", name="See your enrollment").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("You are enrolled")
    page.get_by_role("button", name="Understood").click()
    expect(queued(page)).to_have_count(0)
    page.reload()
    expect(queued(page)).to_have_count(0)
    assert len(enrollments(page)) == 1


def test_it_is_sent_with_no_page_open_when_the_browser_says_so(open_page: OpenPage) -> None:
    """Chromium's own moment for it cannot be waited for: it is caused by its debugging protocol."""
    page = open_page(worker=True)
    context = page.context
    context.add_init_script(NOTE_SYNC)
    sign_up(page)
    visit(page, "hot-drop")
    write_down(page, "hot-drop")
    page.wait_for_function(ASKED_SYNC)
    elsewhere = context.new_page()
    registration = worker_registration(elsewhere)
    page.close()
    context.set_offline(False)
    registration.dispatch("enrollments")
    wait_until(lambda: [item["status"] for item in enrollments(elsewhere)] == ["enrolled"])
    registration.dispatch("enrollments")  # the browser may say so again
    elsewhere.goto("/me/")
    expect(queued(elsewhere)).to_contain_text("Enrolled Successfully!")
    assert len(enrollments(elsewhere)) == 1


@dataclass(frozen=True)
class Registration:
    """A service worker, as Chromium's debugging protocol sees it."""

    session: CDPSession
    origin: str
    id: str

    def dispatch(self, tag: str) -> None:
        """Has the worker hear that the device is online, as Background Sync would."""
        given = {"origin": self.origin, "registrationId": self.id, "tag": tag, "lastChance": False}
        self.session.send("ServiceWorker.dispatchSyncEvent", given)


def worker_registration(page: Page) -> Registration:
    """The one of this page's browser, whichever page is open in it."""
    found: list[dict[str, Any]] = []
    session = page.context.new_cdp_session(page)
    session.on(
        "ServiceWorker.workerRegistrationUpdated",
        lambda event: found.extend(event["registrations"]),
    )
    session.send("ServiceWorker.enable")
    for _ in range(400):  # only while the page waits does it hear
        if found:
            break
        page.wait_for_timeout(50)
    assert found, "no service worker is registered"
    scope = found[0]["scopeURL"]
    return Registration(session, scope.rstrip("/"), found[0]["registrationId"])


def test_what_was_written_down_can_be_withdrawn(open_page: OpenPage) -> None:
    page = open_page(worker=True)
    sign_up(page)
    visit(page, "hot-drop")
    write_down(page, "hot-drop")
    page.get_by_role("button", name="Withdraw").click()
    expect(page.locator("[data-app-status]")).to_have_text("Withdrawn. Nothing was sent.")
    expect(queued(page)).to_have_count(0)
    page.context.set_offline(False)
    page.goto("/me/")
    assert enrollments(page) == []


def test_full_meanwhile_is_told_with_ways_on(open_page: OpenPage) -> None:
    page = open_page(worker=True)
    sign_up(page)
    visit(page, "tiny-seminar")
    write_down(page, "tiny-seminar")
    other = open_page()
    sign_up(other)
    other.goto("/courses/tiny-seminar/enroll/")
    other.locator(SUBMIT).click()
    expect(other.get_by_role("heading", level=1)).to_have_text("You are enrolled")
    page.context.set_offline(False)
    refused = queued(page)
    expect(refused).to_contain_text("Enrollment Failed")
    expect(refused).to_contain_text("full")
    expect(refused.get_by_role("link", name="Look at the course")).to_be_visible()
    assert refused.get_by_role("link").count() > 1  # others to take instead
    assert enrollments(page) == []


def test_a_paid_course_is_not_written_down_unseen(open_page: OpenPage) -> None:
    page = open_page(worker=True)
    sign_up(page)
    visit(page, "full-stack-development")
    page.context.set_offline(True)
    page.goto("/courses/full-stack-development/enroll/")
    expect(page.get_by_text("This course costs something.")).to_be_visible()
    assert page.get_by_role("button", name="Send it when I am back online").is_hidden()


def test_a_guest_is_told_that_enrolling_needs_a_name(open_page: OpenPage) -> None:
    page = open_page(worker=True)
    visit(page, "hot-drop")
    page.context.set_offline(True)
    page.goto("/courses/hot-drop/enroll/")
    expect(page.get_by_text("Enrolling needs to know who you are")).to_be_visible()


def test_a_confirmation_whose_network_is_gone_is_written_down_as_confirmed(
    open_page: OpenPage,
) -> None:
    """A price was shown and agreed to, so it may be sent; and only at this price."""
    page = open_page()
    sign_up(page)
    page.goto("/courses/full-stack-development/enroll/")
    page.context.set_offline(True)
    page.get_by_role("button", name=re.compile("Confirm and pay")).click()
    expect(queued(page)).to_contain_text("Not yet sent. No seat is held.")
    expect(page.locator("[data-enroll-status]")).to_contain_text("no seat is held")
    page.context.set_offline(False)
    expect(queued(page)).to_contain_text("A seat is held for you. Nothing was paid.")
    (item,) = enrollments(page)
    assert (item["status"], item["payment_status"]) == ("pending", "pending")
    queued(page).get_by_role("link", name="Continue to payment").click()
    # To its payment; here, where the gateway is away, to the enrollment that waits for it.
    expect(page).to_have_url(re.compile(r"/(pay|enrollments)/\w{30}/$"))
    expect(page.get_by_text("Continue to payment").last).to_be_visible()


def test_dearer_meanwhile_it_is_told_and_not_bought(open_page: OpenPage, own_site: Site) -> None:
    page = open_page()
    sign_up(page)
    page.goto("/courses/full-stack-development/enroll/")
    page.context.set_offline(True)
    page.get_by_role("button", name=re.compile("Confirm and pay")).click()
    expect(queued(page)).to_contain_text("Not yet sent. No seat is held.")
    with dearer(own_site, "full-stack-development"):
        page.context.set_offline(False)
        expect(queued(page)).to_contain_text("Enrollment Failed")
        expect(queued(page)).to_contain_text("The price has changed")
        assert enrollments(page) == []
        queued(page).get_by_role("link", name="Look at the course").click()
        page.locator(CONTROL).click()
        expect(page.locator("[data-total]")).to_have_text("₹3,540.00")


@contextmanager
def dearer(site: Site, slug: str) -> Iterator[None]:
    """Inside the block the course costs a little more."""
    change = (
        "UPDATE catalog_courseprice SET sale_minor = %s WHERE course_id ="
        " (SELECT id FROM catalog_course WHERE slug = %s) RETURNING sale_minor"
    )
    with psycopg.connect(site.database_url, autocommit=True) as connection:
        connection.execute(change, [300_000, slug])
        yield
        connection.execute(change, [299_900, slug])


def test_signed_out_meanwhile_it_waits_for_the_same_person(open_page: OpenPage) -> None:
    page = open_page()
    sign_up(page)
    page.goto("/courses/hot-drop/enroll/")
    page.context.set_offline(True)
    page.locator(SUBMIT).click()
    expect(queued(page)).to_be_visible()
    session = [c for c in page.context.cookies() if c["name"] == "matricula_session"]
    page.context.clear_cookies(name="matricula_session")
    page.context.set_offline(False)
    expect(queued(page)).to_contain_text("Sign in again and it is sent.")
    page.context.add_cookies(session)  # type: ignore[arg-type]
    page.goto("/me/")
    expect(queued(page)).to_contain_text("Enrolled Successfully!")


def test_signing_out_takes_along_what_was_not_sent(open_page: OpenPage) -> None:
    page = open_page()
    sign_up(page)
    page.goto("/courses/hot-drop/enroll/")
    page.route("**/offline/session/", lambda route: route.abort())
    page.route("**/courses/hot-drop/enroll/", lambda route: route.abort())
    page.locator(SUBMIT).click()
    expect(queued(page)).to_be_visible()
    page.goto("/accounts/logout/")
    expect(page.get_by_text("is withdrawn when you sign out")).to_be_visible()
    page.locator(SUBMIT).click()
    expect(page.get_by_role("link", name="Sign in", exact=True)).to_be_visible()
    assert page.evaluate("indexedDB.databases().then((all) => all.length)") == 1
    sign_up(page)
    page.goto("/me/")
    expect(queued(page)).to_have_count(0)
    assert enrollments(page) == []


def next_version(folder: Path) -> str:
    """A copy of our code in which a style has changed; what PYTHONPATH is to be, to run it."""
    shutil.copytree(Path(matricula.__file__).parent, folder / "matricula")
    style = folder / "matricula/edges/web/static/matricula/site.css"
    style.write_text(style.read_text() + "h1 { letter-spacing: 0 }")
    return str(folder)


def test_a_new_version_is_offered_and_loaded_when_asked(
    open_page: OpenPage, own_site: Site, tmp_path: Path
) -> None:
    page = open_page(worker=True)
    visit(page, "basic-programming")
    build = page.evaluate("caches.keys().then((n) => n.find((k) => k.startsWith('shell-')))")
    with own_site.away(PYTHONPATH=next_version(tmp_path)):
        page.goto("/me/")
        expect(page.get_by_role("heading", level=1)).to_have_text("You are offline")
    page.goto("/")
    expect(page.get_by_text("A new version of this site is ready.")).to_be_visible()
    page.get_by_role("button", name="Load it").click()
    expect(page.get_by_text("A new version of this site is ready.")).to_be_hidden()
    assert page.evaluate(IS_GONE, build)
    page.context.set_offline(True)
    page.goto("/courses/basic-programming/")  # saved by the old version, dressed by the new one
    expect(page.get_by_role("heading", level=1)).to_have_text("Basic Programming")
    assert page.evaluate("getComputedStyle(document.querySelector('.panel')).display") != ""
    assert page.evaluate("document.styleSheets[0].cssRules.length") > 50
