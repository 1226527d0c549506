"""How long until a payment is seen: paid in one tab, shown in another, in a real browser."""

from __future__ import annotations

import re
import secrets
import shutil
import time
from collections.abc import Mapping, Sequence

import httpx
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from bench.installation import BenchError, Site
from bench.paying import PAID, taking_money
from bench.report import Figure, Target
from bench.settings import Settings

PAYMENTS = 5  # a round and way
_CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
_PASSWORD = "correct-horse-battery-9"
_STREAM = re.compile(r"/enrollments/\w+/events($|\?)")
_NO_SOCKETS = """
window.WebSocket = class { constructor() { setTimeout(() => this.onclose?.({ code: 1006 })); }
  close() {} send() {} };
"""
# Notes the moment at which the page says it.
_WATCH = """
new MutationObserver(() => {
  if (!window.seenAt && document.querySelector("h1")?.textContent === "You are enrolled")
    window.seenAt = Date.now();
}).observe(document, { subtree: true, childList: true, characterData: true });
"""
_SEEN_AT = """async () => {
  while (!window.seenAt) await new Promise((next) => setTimeout(next, 50));
  return window.seenAt;
}"""
# What is kept from the page, so that it must take the next way.
WAYS: Mapping[str, Sequence[str]] = {
    "server-sent events": (),
    "WebSocket": ("stream",),
    "long poll": ("stream", "socket"),
}


def seeing(site: Site, settings: Settings) -> Sequence[Figure]:
    """From the moment the payer agrees until the other tab says that they are enrolled."""
    path = next(filter(None, map(shutil.which, _CHROMIUM)), None)
    if path is None:
        raise BenchError("there is no Chromium: run scripts/browser.sh")
    took: dict[str, list[float]] = {way: [] for way in WAYS}
    with taking_money(site) as gateway, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        for _ in range(settings.rounds):
            for way, blocked in WAYS.items():
                took[way] += [_once(site, browser, gateway, blocked) for _ in range(PAYMENTS)]
        browser.close()
    site.settle()
    return [
        Figure(
            f"Paid in one tab, seen in another: {way}",
            "ms",
            found,
            target=Target(500, at_most=True),
            notes={"payments": len(found), "longest_ms": round(max(found), 1)},
        )
        for way, found in took.items()
    ]


def _once(site: Site, browser: Browser, gateway: httpx.Client, blocked: Sequence[str]) -> float:
    """Milliseconds for one new person's payment."""
    context = browser.new_context(base_url=f"http://127.0.0.1:{site.port}", service_workers="block")
    try:
        order, status = _check_out(context, blocked)
        began = time.time()
        gateway.post(f"/_sandbox/orders/{order}/pay", json={"method": "upi"}).raise_for_status()
        return float(status.evaluate(_SEEN_AT)) - began * 1000
    finally:
        context.close()


def _check_out(context: BrowserContext, blocked: Sequence[str]) -> tuple[str, Page]:
    """The gateway's order, and the status page, which hears of events."""
    page = context.new_page()
    page.goto("/accounts/signup/")
    page.get_by_label("Full name").fill("Nora Lind")
    page.get_by_label("Email").fill(f"{secrets.token_hex(8)}@bench.example.com")
    page.get_by_label("Password").fill(_PASSWORD)
    page.locator("main form button[type=submit]").click()
    page.goto(f"/courses/{PAID}/enroll/")
    page.get_by_role("button", name=re.compile("Confirm and pay")).click()
    order = page.locator("input[name=order_id]").get_attribute("value")
    page.goto("/me/")
    status = page
    status.add_init_script(_WATCH + (_NO_SOCKETS if "socket" in blocked else ""))
    if "stream" in blocked:
        status.route(_STREAM, lambda route: route.abort())
    status.locator("main a[href^='/enrollments/']").first.click()
    status.locator("html[data-line=open]").wait_for()
    if order is None:
        raise BenchError("no order was made")
    return order, status
