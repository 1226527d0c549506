"""P1 and P2: free enrollments over HTTP, on one hot cohort and over a thousand."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from typing import TypeVar

from bench import filling, loaders, report
from bench.installation import BenchError, Site
from bench.load import Order, Outcome
from bench.report import Figure, Target
from bench.settings import Settings

T = TypeVar("T")
CONNECTIONS = 64
CLIENTS = 16
REQUEST = """POST /api/v1/enrollments/initialize HTTP/1.1
Host: 127.0.0.1:{port}
Authorization: Bearer {token}
Idempotency-Key: {key}
Content-Type: application/json

{"course_id": "{place}"}"""


def one_hot_cohort(site: Site, settings: Settings) -> Sequence[Figure]:
    """P1: everybody wants the same cohort, beside the database doing the same by itself."""
    target = Target(3, of_ratio=True)
    return [_beside_database(site, settings, filling.HOT, "P1 one hot cohort", target)]


def thousand_cohorts(site: Site, settings: Settings) -> Sequence[Figure]:
    """P2: the same over a thousand cohorts."""
    target = Target(0.7, of_ratio=True)
    return [_beside_database(site, settings, filling.SPREAD, "P2 1,000 cohorts", target)]


def _beside_database(
    site: Site, settings: Settings, kind: int, name: str, target: Target
) -> Figure:
    loader: list[float] = []
    cost: dict[str, list[float]] = {"web": [], "database": []}

    def over_http() -> float:
        enrolled, used = site.enrollments(), site.cpu_seconds()
        outcome = enroll(site, settings, kind)
        enrolled = site.enrollments() - enrolled
        for who, seconds in site.cpu_seconds().items():
            cost[who].append(round(1000 * (seconds - used[who]) / enrolled, 3))
        loader.append(outcome.loader_cpu)
        return outcome.per_second

    def by_database() -> float:
        return _claim(site, settings, kind)

    figures = report.interleaved(settings.rounds, {"http": over_http, "database": by_database})
    site.settle()
    return Figure(
        name,
        "/s",
        figures["http"],
        limit=f"pgbench, the same function, {CLIENTS} clients",
        limit_rounds=figures["database"],
        target=target,
        notes={
            "connections": CONNECTIONS,
            "loader_cpu": round(max(loader), 2),
            "cpu_ms_an_enrollment": cost,
        },
    )


def enroll(site: Site, settings: Settings, kind: int, rate: float | None = None) -> Outcome:
    """One span of enrollments over HTTP, checked against the database."""
    places = filling.places(kind)
    order = Order(
        port=site.port,
        request=REQUEST.replace("{port}", str(site.port)),
        seconds=settings.seconds,
        connections=CONNECTIONS if rate is None else CONNECTIONS * 4,
        rate=rate,
        tokens=str(site.tokens),
        places=tuple(filling.slug(kind, number) for number in range(places)),
        stride=kind,
        first_place=site.take_places(kind),
        key=secrets.token_hex(13),
    )

    def send() -> tuple[Outcome, int]:
        outcome = loaders.load(order)
        return outcome, loaders.expect_only(outcome, "201")

    return checked(site, send)


def _claim(site: Site, settings: Settings, kind: int) -> float:
    """The same by pgbench: enrollments a second."""
    places = filling.places(kind)
    variables = {
        "people": site.people,
        "stride": kind,
        "first": site.take_places(kind),
        "places": places,
        "list": kind,
    }

    def claim() -> tuple[float, int]:
        return loaders.pgbench(
            site.database_url,
            loaders.CLAIM,
            clients=CLIENTS,
            seconds=settings.seconds,
            variables=variables,
        )

    return checked(site, claim)


def checked(site: Site, work: Callable[[], tuple[T, int]]) -> T:
    """Does the work, and sees that the database has as many enrollments more as it says."""
    before = site.enrollments()
    result, said = work()
    made = site.enrollments() - before
    if made != said:
        raise BenchError(f"{said} were answered to be enrolled, {made} are in the database")
    return result
