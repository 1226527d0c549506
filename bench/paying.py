"""P3: paid enrollments from `initialize` to the seat, through the sandbox and its webhook."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import httpx
import psycopg

from bench import enrolling, filling, report
from bench.installation import MATRICULA, BenchError, Site, process
from bench.report import Figure, Target
from bench.settings import Settings
from matricula.config import environment

BUYERS = 16
PAID, FREE = "full-stack-development", "basic-programming"
_PATIENCE = 60.0


def paid_path(site: Site, settings: Settings) -> Sequence[Figure]:
    """Paid enrollments a second, beside P1 and beside free ones by the same clients."""
    open_seats(site)
    tokens = iter(site.tokens.read_text().split())
    lock = threading.Lock()

    def next_token() -> str:
        with lock:
            return next(tokens)

    with taking_money(site) as client:

        def paid() -> float:
            before = site.enrollments()
            begun = time.monotonic()
            _run(site, settings.seconds, next_token, client)
            while site.ask("SELECT count(*) FROM orders_order WHERE state = 'open'"):
                if time.monotonic() > begun + settings.seconds + _PATIENCE:
                    raise BenchError("not every payment was settled")
                time.sleep(0.05)
            return (site.enrollments() - before) / (time.monotonic() - begun)

        def free() -> float:
            before = site.enrollments()
            begun = time.monotonic()
            _run(site, settings.seconds, next_token, None)
            return (site.enrollments() - before) / (time.monotonic() - begun)

        def hot() -> float:
            return enrolling.enroll(site, settings, filling.HOT).per_second

        rounds = report.interleaved(settings.rounds, {"paid": paid, "p1": hot, "free": free})
    site.settle()
    notes = {"buyers": BUYERS, "path": "initialize, pay, webhook, settled; the gateway included"}
    limits = {"p1": "P1, free on one hot cohort", "free": "free enrollments by the same clients"}
    return [
        Figure(
            "P3 paid, to the seat",
            "/s",
            rounds["paid"],
            limit=words,
            limit_rounds=rounds[name],
            target=Target(0.1, of_ratio=True),
            notes=notes,
        )
        for name, words in limits.items()
    ]


def open_seats(site: Site) -> None:
    """The paid course takes everybody."""
    with psycopg.connect(site.database_url, autocommit=True) as database:
        database.execute("UPDATE seats_seatcount SET capacity = NULL WHERE capacity = 30")


@contextmanager
def taking_money(site: Site) -> Iterator[httpx.Client]:
    """The gateway with its webhook, and a worker."""
    with gateway(site) as client, process([MATRICULA, "worker"], site.environ):
        yield client


@contextmanager
def gateway(site: Site) -> Iterator[httpx.Client]:
    """The gateway with its webhook."""
    account = environment.load(site.environ).razorpay
    if account is None:
        raise BenchError("the site takes no money")
    environ = {
        **site.environ,
        "SANDBOX_KEY_ID": account.key_id,
        "SANDBOX_KEY_SECRET": account.key_secret,
        "SANDBOX_WEBHOOK_SECRET": account.webhook_secrets[0],
        "SANDBOX_WEBHOOK_URL": f"http://127.0.0.1:{site.port}/webhooks/razorpay",
        "SANDBOX_PORT": str(site.port + 1),
    }
    with (
        process([sys.executable, "-m", "razorpay_sandbox"], environ),
        httpx.Client(base_url=account.base_url, timeout=30, trust_env=False) as client,
    ):
        deadline = time.monotonic() + _PATIENCE
        while time.monotonic() < deadline:
            try:
                client.get("/_sandbox/health")
            except httpx.HTTPError:
                time.sleep(0.05)
            else:
                break
        yield client


def _run(
    site: Site, seconds: float, next_token: Callable[[], str], gateway: httpx.Client | None
) -> None:
    """Everybody enrolls, one after another, until the time is over; with a gateway they pay."""
    ends = time.monotonic() + seconds

    def buyer(_number: int) -> None:
        with httpx.Client(base_url=f"http://127.0.0.1:{site.port}/api/v1", timeout=30) as api:
            while time.monotonic() < ends:
                course = FREE if gateway is None else PAID
                made = api.post(
                    "/enrollments/initialize",
                    json={"course_id": course},
                    headers={"Authorization": f"Bearer {next_token()}"},
                )
                if made.status_code != httpx.codes.CREATED:
                    raise BenchError(f"answered {made.status_code}: {made.text[:200]}")
                if gateway is not None:
                    order = made.json()["payment_session"]["razorpay_order_id"]
                    paid = gateway.post(f"/_sandbox/orders/{order}/pay", json={"method": "upi"})
                    paid.raise_for_status()

    with ThreadPoolExecutor(BUYERS) as pool:
        list(pool.map(buyer, range(BUYERS)))
