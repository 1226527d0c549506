"""The enroll button in a page of another origin, under that page's strict policy."""

from __future__ import annotations

import threading
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

import psycopg
import pytest
from playwright.sync_api import Browser, Page, expect

from matricula.kernel import notices
from tests.support.sites import Site, running_site

pytestmark = pytest.mark.browser
COURSE = "hot-drop"


class Pages(BaseHTTPRequestHandler):
    """A foreign site's one page. Its policy lets in our script and our answers, nothing else."""

    site: ClassVar[str] = ""

    def do_GET(self) -> None:
        body = f"""<!doctype html><html lang="en"><title>A partner</title>
<script src="{self.site}/embed/v1/embed.js" async></script>
<matricula-enroll id="one" course="{COURSE}" theme="dark">
<a href="{self.site}/courses/{COURSE}/">Hot Drop</a></matricula-enroll>
<matricula-enroll id="two" course="full-stack-development" lang="ar"></matricula-enroll>
<matricula-enroll id="none" course="no-such-course"><a href="/x">Else</a></matricula-enroll>
""".encode()
        policy = f"default-src 'none'; script-src {self.site}; connect-src {self.site}"
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Security-Policy", policy)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_args: object) -> None:
        """Says nothing."""


@dataclass
class Partner:
    """A site of another origin that shows our button, and one that may not."""

    url: str
    stranger: str
    site: Site


@pytest.fixture(scope="module")
def partner() -> Iterator[Partner]:
    servers = [ThreadingHTTPServer(("127.0.0.1", 0), Pages) for _ in range(2)]
    for server in servers:
        threading.Thread(target=server.serve_forever, daemon=True).start()
    url, stranger = (f"http://127.0.0.1:{server.server_port}" for server in servers)
    with running_site(workers=1, MATRICULA_ALLOWED_ORIGINS=url) as site:
        Pages.site = site.url
        yield Partner(url, stranger, site)
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture
def page(chromium: Browser, troubles: list[str]) -> Iterator[Page]:
    context = chromium.new_context()
    opened = context.new_page()
    opened.on("console", lambda told: troubles.append(told.text))
    opened.on("pageerror", lambda error: troubles.append(str(error)))
    yield opened
    context.close()


def test_it_shows_price_and_seats_and_leads_into_the_enrollment(
    page: Page, partner: Partner, troubles: list[str]
) -> None:
    page.goto(partner.url)
    link = page.locator("#one a.button")
    expect(link).to_have_text("Enroll Now")
    expect(link).to_have_accessible_name("Enroll Now: Hot Drop")
    expect(page.locator("#one .price")).to_have_text("Free")
    expect(page.locator("#one .seats")).to_have_text("500 seats left")
    expect(page.locator("#two .box")).to_have_attribute("dir", "rtl")
    expect(page.locator("#one .box")).to_have_css("background-color", "rgb(31, 31, 28)")
    expect(page.locator("#none > a")).to_have_text("Else")
    expect(page.locator("#none .refused")).to_contain_text("There is no such course.")
    expect(page.locator("#none .site")).to_have_attribute("href", partner.site.url)
    assert [told for told in troubles if "no-such-course" not in told and "404" not in told] == []
    assert page.context.cookies() == []
    link.click()
    page.wait_for_url(f"{partner.site.url}/accounts/login/?next=/courses/{COURSE}/enroll/")


def test_seats_change_while_somebody_looks(page: Page, partner: Partner) -> None:
    page.goto(partner.url)
    seats = page.locator("#one .seats")
    expect(seats).to_have_text("500 seats left")
    set_capacity(partner.site, 3)
    expect(seats).to_have_text("3 seats left")
    expect(seats).to_have_class("seats low")
    set_capacity(partner.site, 0)
    expect(seats).to_have_text("No seats left")
    expect(page.locator("#one a.button")).to_have_text("Course Full")
    set_capacity(partner.site, 500)
    expect(page.locator("#one a.button")).to_have_text("Enroll Now")


def test_where_it_may_not_stand_the_link_inside_stays(
    page: Page, partner: Partner, troubles: list[str]
) -> None:
    with page.expect_console_message(lambda told: "MATRICULA_ALLOWED_ORIGINS" in told.text):
        page.goto(partner.stranger)
    expect(page.locator("#one > a")).to_be_visible()
    expect(page.locator("#one .button")).to_have_count(0)
    expect(page.locator("#one .refused")).to_contain_text("This site may not show the button")
    expect(page.locator("#one .site")).to_have_attribute("href", partner.site.url)


def test_without_scripts_the_link_inside_is_there(chromium: Browser, partner: Partner) -> None:
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(partner.url)
    page.get_by_role("link", name="Hot Drop").click()
    expect(page.locator("[data-enroll-state]")).to_be_visible()
    context.close()


def set_capacity(site: Site, capacity: int) -> None:
    """Changes the seats of the course, and has the live processes told as the worker does."""
    with psycopg.connect(site.database_url) as connection:
        found = connection.execute(
            "UPDATE seats_seatcount s SET capacity = %s FROM catalog_cohort h, catalog_course c"
            " WHERE h.id = s.cohort_id AND c.id = h.course_id AND c.slug = %s RETURNING c.id",
            [capacity, COURSE],
        ).fetchone()
        assert found is not None
        notice = urlsafe_b64encode(found[0].bytes)[:22].decode()
        assert notices.read(notice) == [found[0]]
        connection.execute("SELECT pg_notify(%s, %s)", [notices.CHANNEL, notice])
