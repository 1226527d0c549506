"""Desks of several processes serve batches for one cohort at the same time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

from matricula.flows.applications import Application, Receipt, Request
from matricula.flows.desk import Desk, Served
from matricula.flows.enroll import enroll_many
from tests.races.conftest import Track
from tests.races.test_last_seats import CLAIMS
from tests.support.crowds import changed, django_on

DESKS, EACH, SEATS = 3, 15, 10
# Long enough for every desk to have counted before one has taken.
_PAUSE = "    PERFORM pg_sleep(0.3);\n    RETURN QUERY\n    WITH claim AS ("
SLOW = changed(CLAIMS, "    RETURN QUERY\n    WITH claim AS (", _PAUSE)
UNGUARDED = changed(
    SLOW, "             ORDER BY c.cohort_id\n               FOR NO KEY UPDATE) s;", ") s;"
)


@contextmanager
def open_desk(url: str, requests: Sequence[Request]) -> Iterator[list[Served]]:
    """What becomes of the requests, all of one batch."""

    def serve(batch: Sequence[Request]) -> Sequence[Served]:
        with django_on(url):
            return enroll_many(batch)

    desk = Desk(serve)
    futures = [desk.submit(request) for request in requests]
    served: list[Served] = []
    desk.open()
    yield served
    desk.close()
    served += [future.result() for future in futures]


def rush(track: Track) -> tuple[int, Counter[str]]:
    """Every desk serves a batch for the same few seats; seats sold, and outcomes by kind."""
    course, cohort = track.course(SEATS)
    people = iter(track.crowd(DESKS * EACH))
    with ExitStack() as stack:
        served = [
            stack.enter_context(
                open_desk(
                    track.url, [Request(Application(next(people), course)) for _ in range(EACH)]
                )
            )
            for _ in range(DESKS)
        ]
    kinds = Counter(
        "enrolled" if isinstance(one, Receipt) else type(one).__name__
        for answers in served
        for one in answers
    )
    return track.sold(cohort), kinds


def test_batches_of_several_desks_sell_each_seat_once(track: Track) -> None:
    track.install(SLOW)
    sold, kinds = rush(track)
    assert (sold, kinds) == (SEATS, {"enrolled": SEATS, "CourseFull": DESKS * EACH - SEATS})
    assert track.broken_promises() == []


def test_without_lock_and_check_batches_sell_seats_twice(track: Track) -> None:
    """The negative control."""
    track.install(UNGUARDED)
    track.run("ALTER TABLE seats_seatcount DROP CONSTRAINT never_oversold")
    sold, kinds = rush(track)
    assert sold == kinds["enrolled"] > SEATS
    assert any(text.startswith("oversold") for text in track.broken_promises())
