"""P7: pages, for guests and for people signed in, beside the same server answering "ok"."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence

import httpx

from bench import filling, loaders, report
from bench.installation import BenchError, Site
from bench.load import Order
from bench.report import Figure, Target
from bench.settings import Settings

CONNECTIONS = 32
EMAIL, PASSWORD = "learner@example.com", "matricula-demo"
OK = "/healthz"
COURSE, CATALOG = f"/courses/{filling.slug(filling.SPREAD, 7)}/", "/"
PAGES = {"course page": COURSE, "catalog page": CATALOG}


def pages(site: Site, settings: Settings) -> Sequence[Figure]:
    """P7: course page and catalog page, guest and signed in."""
    cookie = _sign_in(site)
    contenders: dict[str, Callable[[], float]] = {"ok": asking(site, settings, OK, "")}
    for name, path in PAGES.items():
        contenders[f"{name}, guest"] = asking(site, settings, path, "")
        contenders[f"{name}, signed in"] = asking(site, settings, path, cookie)
    figures = report.interleaved(settings.rounds, contenders)
    limit = figures.pop("ok")
    return [
        Figure(
            f"P7 {name}",
            "/s",
            rates,
            limit="the same server answering /healthz",
            limit_rounds=limit,
            target=Target(0.3, of_ratio=True),
            notes={"connections": CONNECTIONS, "milliseconds": 1000 * _cost(rates)},
        )
        for name, rates in figures.items()
    ]


def _cost(rates: Sequence[float]) -> float:
    """Seconds of the whole machine a request."""
    return round(1 / statistics.median(rates), 6)


def asking(site: Site, settings: Settings, path: str, cookie: str) -> Callable[[], float]:
    """Asks for the page for half a span: pages a second."""
    lines = [f"GET {path} HTTP/1.1", f"Host: 127.0.0.1:{site.port}", "Accept-Encoding: gzip"]
    if cookie:
        lines.append(f"Cookie: {cookie}")
    order = Order(
        port=site.port,
        request="\n".join([*lines, "", ""]),
        seconds=settings.seconds / 2,
        connections=CONNECTIONS,
        warm_up=0.5,
    )

    def ask() -> float:
        outcome = loaders.load(order)
        loaders.expect_only(outcome, "200")
        return outcome.per_second

    return ask


def _sign_in(site: Site) -> str:
    """The cookies of somebody who signed in on the sign-in page, as a browser would."""
    with httpx.Client(base_url=f"http://127.0.0.1:{site.port}", follow_redirects=True) as client:
        client.get("/accounts/login/")
        token = client.cookies.get("matricula_csrf", "")
        form = {"login": EMAIL, "password": PASSWORD, "csrfmiddlewaretoken": token}
        client.post("/accounts/login/", data=form)
        if "matricula_session" not in client.cookies:
            raise BenchError("signing in did not work")
        return "; ".join(f"{cookie.name}={cookie.value}" for cookie in client.cookies.jar)
