"""P4: how long each enrollment endpoint takes at 70 % of its own top rate."""

from __future__ import annotations

import secrets
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import psycopg

from bench import enrolling, filling, loaders
from bench.installation import BenchError, Site
from bench.load import Order, Outcome
from bench.report import Figure, Target
from bench.settings import Settings
from matricula.kernel import ids

LOAD = 0.7  # of its own top rate
CONNECTIONS = 32
WITHIN_MS = 200
READERS = 600
_HEAD = """Host: 127.0.0.1:{port}
Authorization: Bearer {token}"""
# Of enrollments that people have already; `cancel` ends each of them once.
ENDPOINTS = {
    "one enrollment": "GET /api/v1/enrollments/{place} HTTP/1.1",
    "list of enrollments": "GET /api/v1/enrollments HTTP/1.1",
    "payment status": "GET /api/v1/enrollments/{place}/payment-status HTTP/1.1",
    "access": "GET /api/v1/courses/{course}/access HTTP/1.1",
    "cancel": "POST /api/v1/enrollments/{place}/cancel HTTP/1.1",
}


@dataclass(frozen=True)
class _Owners:
    """People with an enrollment each in one course."""

    tokens: Path
    enrollments: tuple[str, ...]
    course: str


def under_load(site: Site, settings: Settings) -> Sequence[Figure]:
    """P4, `initialize` first."""
    found = figures("initialize", *_initialize(site, settings))
    with tempfile.TemporaryDirectory() as folder:
        for name, line in ENDPOINTS.items():
            found += figures(name, *_endpoint(site, settings, Path(folder), name, line))
    site.settle()
    return found


def _initialize(site: Site, settings: Settings) -> tuple[list[float], list[Outcome]]:
    tops, outcomes = [], []
    for _ in range(settings.rounds):
        tops.append(enrolling.enroll(site, settings, filling.HOT).per_second)
        outcomes.append(enrolling.enroll(site, settings, filling.HOT, rate=tops[-1] * LOAD))
    return tops, outcomes


def _endpoint(
    site: Site, settings: Settings, folder: Path, name: str, line: str
) -> tuple[list[float], list[Outcome]]:
    seconds, request = settings.seconds / 2, f"{line}\n{_HEAD}\n\n"
    tops, outcomes = [], []
    owners = _owners(site, folder)
    for _ in range(settings.rounds):
        if name == "cancel":
            owners = _owners(site, folder)
        order = Order(
            port=site.port,
            request=request.replace("{port}", str(site.port)).replace("{course}", owners.course),
            seconds=seconds,
            connections=CONNECTIONS,
            warm_up=0.5,
            tokens=str(owners.tokens),
            places=owners.enrollments,
            paired=True,
        )
        if name == "cancel":  # each can be given up once
            order = replace(order, most=len(owners.enrollments) // 3, seconds=60.0, warm_up=0.0)
        top = asked(order)
        rate = top.per_second if name != "cancel" else pace(top)
        paced = replace(order, rate=rate * LOAD, connections=CONNECTIONS * 4)
        if name == "cancel":
            paced = replace(paced, **_those_left(owners, folder, order.most or 0))
        tops.append(rate)
        outcomes.append(asked(paced))
    return tops, outcomes


def asked(order: Order, status: str = "200") -> Outcome:
    """Sends the requests; each is answered with this status."""
    outcome = loaders.load(order)
    loaders.expect_only(outcome, status)
    return outcome


def pace(outcome: Outcome) -> float:
    """Answers a second of a load that ended when everything was sent."""
    return sum(outcome.answers.values()) / max(outcome.seconds, 0.001)


def _those_left(owners: _Owners, folder: Path, used: int) -> dict[str, object]:
    tokens = folder / "left"
    tokens.write_text("\n".join(owners.tokens.read_text().split()[used:]))
    return {"tokens": str(tokens), "places": owners.enrollments[used:]}


def _owners(site: Site, folder: Path) -> _Owners:
    """People who were just enrolled in a course of their own, by the database itself."""
    number = site.take_places(filling.HOT, 1)
    course = filling.slug(filling.HOT, number)
    all_tokens = site.tokens.read_text().split()[:READERS]
    enrollments = []
    with psycopg.connect(site.database_url) as connection:
        rows = connection.execute(
            "SELECT p.id, c.course_id, c.cohort_id FROM bench_person p, bench_place c"
            " WHERE p.n < %s AND c.list = %s AND c.n = %s ORDER BY p.n",
            [len(all_tokens), filling.HOT, number],
        ).fetchall()
        made = [ids.new_id() for _ in rows]
        people, courses, cohorts = (list(column) for column in zip(*rows, strict=True))
        none = [None] * len(rows)
        outcomes = connection.execute(
            "SELECT outcome FROM enroll_people(%s::uuid[], %s::uuid[], %s::uuid[], %s::uuid[],"
            " %s::int[], %s::int[], %s::jsonb[], %s::text[], %s::text[], %s::text[], %s::text[])",
            [
                *[people, courses, cohorts, made, none, none, ["{}"] * len(rows)],
                *[[secrets.token_hex(8)] * len(rows), none, none, none],
            ],
        ).fetchall()
        if {outcome for (outcome,) in outcomes} != {"enrolled"}:
            raise BenchError("the readers could not be enrolled")
        enrollments = [ids.to_text("enr", one) for one in made]
    tokens = folder / f"owners-{number}"
    tokens.write_text("\n".join(all_tokens))
    return _Owners(tokens, tuple(enrollments), course)


def figures(name: str, tops: list[float], outcomes: list[Outcome]) -> list[Figure]:
    """The p99 of an endpoint under load, with its top rate."""
    notes: dict[str, float | str] = {
        "top_per_second": round(sorted(tops)[len(tops) // 2], 1),
        "load": LOAD,
        "arrivals": "random (Poisson)",
        "p50_ms": round(sorted(o.p50_ms for o in outcomes)[len(outcomes) // 2], 1),
    }
    rounds = [outcome.p99_ms for outcome in outcomes]
    return [
        Figure(f"P4 {name}, p99", "ms", rounds, target=Target(WITHIN_MS, at_most=True), notes=notes)
    ]
