"""P5: opening day. Ten thousand people want five hundred seats within one second."""

from __future__ import annotations

import secrets
from collections.abc import Sequence

from bench import enrolling, filling, loaders
from bench.installation import BenchError, Site
from bench.load import Order, Outcome
from bench.report import Figure, Target
from bench.settings import Settings

CROWD = 10_000
ANSWERED_WITHIN = 10.0  # seconds
ENROLLED, FULL, OVERLOADED = "201", "409", "503"


def opening_day(site: Site, settings: Settings) -> Sequence[Figure]:
    """Each round another course opens to everybody."""
    crowd = min(CROWD, site.people)
    outcomes = [_open(site, crowd) for _ in range(settings.rounds)]
    site.settle()
    notes: dict[str, float | str] = {
        "people": crowd,
        "seats": filling.OPENING_SEATS,
        "arrivals": "random (Poisson), all within a second, a connection each",
        "loader_cpu": round(max(outcome.loader_cpu for outcome in outcomes), 2),
    }
    return [
        Figure(
            "P5 opening day, the last answer",
            "s",
            [max(at for _, at, _ in outcome.noted) for outcome in outcomes],
            target=Target(ANSWERED_WITHIN, at_most=True),
            notes=notes,
        ),
        Figure(
            "P5 told to come again (503)",
            "people",
            [float(outcome.answers.get(OVERLOADED, 0)) for outcome in outcomes],
            target=Target(0, at_most=True),
            notes=notes,
        ),
        Figure("P5 answered, p50", "ms", [outcome.p50_ms for outcome in outcomes], notes=notes),
        Figure(
            "P5 furthest overtaking",
            "ms",
            [_furthest_overtaking(outcome) for outcome in outcomes],
            notes={"means": "a seat went to somebody who came so much later than one refused"},
        ),
    ]


def _open(site: Site, crowd: int) -> Outcome:
    """One opening, checked: everybody answered, every seat taken, none twice."""
    number = site.take_places(filling.OPENING, 1)
    slug = filling.slug(filling.OPENING, number)
    order = Order(
        port=site.port,
        request=enrolling.REQUEST.replace("{port}", str(site.port)),
        seconds=60.0,
        connections=crowd,
        warm_up=0.0,
        rate=float(crowd),
        tokens=str(site.tokens),
        places=(slug,),
        most=crowd,
        noted=True,
        key=secrets.token_hex(13),
    )

    def send() -> tuple[Outcome, int]:
        outcome = loaders.load(order)
        kinds, seats = set(outcome.answers), outcome.answers.get(ENROLLED)
        foreign = kinds - {ENROLLED, FULL, OVERLOADED}
        everybody = sum(outcome.answers.values()) == crowd
        if outcome.broken or foreign or not everybody or seats != filling.OPENING_SEATS:
            raise BenchError(
                f"the opening was answered with {outcome.answers}, {outcome.broken} broken;"
                f" one of them:\n{outcome.unexpected}"
            )
        return outcome, outcome.answers[ENROLLED]

    return enrolling.checked(site, send)


def _furthest_overtaking(outcome: Outcome) -> float:
    """By how many milliseconds the last who got a seat came after the first who got none."""
    last_in = max(due for due, _, status in outcome.noted if status == ENROLLED)
    first_out = min(due for due, _, status in outcome.noted if status == FULL)
    return max(0.0, last_in - first_out) * 1000
