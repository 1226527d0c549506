"""P12: fifty thousand people wait for one cohort. What joining, asking where one stands and giving
a freed seat to the next costs the database; and how long giving five hundred takes.

The flows are called as the web and the worker call them, in a process of its own (`python -m
bench.waiting`) with the environment of a site; the time is that of its queries, the way to the
database included. The limit is the same in a list of a hundred.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any
from uuid import UUID

from bench.installation import ROOT, BenchError, free_pair, site_environment
from bench.report import Figure, Target
from bench.settings import Settings
from matricula.runtime.embedded import EmbeddedPostgres

SHORT, LONG = 100, 50_000
AT_ONCE = 500
TIMES = 15  # a round, of which the median counts
MOST_MS, MOST_SECONDS = 50.0, 10.0
WORDS = {
    "join": "P12 joining",
    "position": "P12 where one stands",
    "one": "P12 a seat to the next",
}


def waiting(settings: Settings) -> Sequence[Figure]:
    """The figures of a list of `LONG`, beside those of a list of `SHORT`."""
    with tempfile.TemporaryDirectory(prefix="matricula-bench-") as folder:
        home = Path(folder)
        home.chmod(0o755)
        with EmbeddedPostgres(home / "postgres") as postgres:
            environ = site_environment(home, free_pair(), DATABASE_URL=postgres.url)
            argv = [sys.executable, "-m", "bench.waiting", str(settings.rounds), str(LONG)]
            done = subprocess.run(
                argv, env=environ, cwd=ROOT, capture_output=True, text=True, check=False
            )
    if done.returncode != 0:
        raise BenchError(f"waiting was not measured:\n{done.stdout[-500:]}{done.stderr[-2000:]}")
    return _figures(json.loads(done.stdout.splitlines()[-1]))


def _figures(found: dict[str, Any]) -> list[Figure]:
    notes: dict[str, float | str] = {"waiting": LONG, "limit": f"a list of {SHORT}"}
    figures = [
        Figure(
            name,
            "ms of database",
            found["long"][what],
            limit=f"a list of {SHORT}",
            limit_rounds=found["short"][what],
            target=Target(MOST_MS, at_most=True),
            notes=notes,
        )
        for what, name in WORDS.items()
    ]
    return figures + [
        Figure(
            f"P12 {AT_ONCE} seats at once, {kind}",
            "s",
            [seconds],
            target=Target(MOST_SECONDS, at_most=True),
            notes=notes,
        )
        for kind, seconds in found["many"].items()
    ]


# --- in the process that measures ---------------------------------------------------------------


@dataclass
class _List:
    """One cohort with so many who wait, and people who do not yet."""

    course: str
    cohort: UUID
    entries: list[tuple[UUID, UUID]]  # person and place
    newcomers: Iterator[UUID]
    times: dict[str, list[float]] = field(default_factory=lambda: {what: [] for what in WORDS})

    def round(self) -> None:
        """One round of each, the median of `TIMES`."""
        from matricula.flows import promote, standing, waitlist
        from matricula.flows.waitlist import Wish

        works: dict[str, Callable[[int], object]] = {
            "join": lambda _: waitlist.join(Wish(next(self.newcomers), self.course)),
            "position": lambda number: standing.of_entry(*self.entries[-1 - number]),
            "one": lambda _: promote.promote(self.cohort),
        }
        for what, work in works.items():
            spent = []
            for number in range(TIMES):
                if what == "one":
                    _more_seats(self.cohort, 1)
                spent.append(_spent(work, number))
            self.times[what].append(statistics.median(spent))


def _spent(work: Callable[[int], object], number: int) -> float:
    """Milliseconds of the database that the work took."""
    with _stopwatch() as spent:
        work(number)
    return spent[0] * 1000


@contextmanager
def _stopwatch() -> Iterator[list[float]]:
    from django.db import connection

    spent = [0.0]

    def timed(execute: Any, sql: Any, params: Any, many: Any, context: Any) -> Any:
        begun = time.perf_counter()
        try:
            return execute(sql, params, many, context)
        finally:
            spent[0] += time.perf_counter() - begun

    with connection.execute_wrapper(timed):
        yield spent


def _more_seats(cohort: UUID, seats: int) -> None:
    from matricula.seats import actions
    from matricula.seats.models import SeatCount

    taken = SeatCount.objects.get(pk=cohort)
    actions.set_capacity(cohort, taken.held + taken.sold + seats)


def _people(number: int) -> list[UUID]:
    from matricula.accounts.models import Person
    from matricula.kernel import ids

    wanted = [ids.new_id() for _ in range(number)]
    Person.objects.bulk_create(
        [Person(id=person, email=f"{person}@bench.example", password="!") for person in wanted]
    )
    return wanted


def _make(length: int, price: int | None) -> _List:
    """A course without a free seat and so many who wait, everything as joining leaves it."""
    from django.db import connection, transaction

    from matricula.catalog.models import Cohort, Course, CoursePrice, CourseStatus
    from matricula.flows import waitlist
    from matricula.kernel import events
    from matricula.seats import actions as seats
    from matricula.waitlist.models import Entry, Queue

    slug = f"waited-for-{length}-{price or 'free'}"
    course = Course.objects.create(slug=slug, title=slug, status=CourseStatus.PUBLISHED)
    if price is not None:
        CoursePrice.objects.create(course=course, currency="INR", amount_minor=price)
    cohort = Cohort.objects.create(course=course, name="Waited for", waitlist_enabled=True).pk
    seats.set_capacity(cohort, 0)
    people = _people(length)
    with transaction.atomic():
        seats.lock_counters([cohort])
        for start in range(0, length, 5_000):
            made = [
                Entry(course=course, cohort_id=cohort, person_id=person, place=start + number)
                for number, person in enumerate(people[start : start + 5_000], 1)
            ]
            Entry.objects.bulk_create(made)
            events.append([waitlist.event(entry, "joined", seats=1) for entry in made])
        Queue.objects.create(cohort_id=cohort, length=length, last_place=length)
        seats.set_queued(cohort, True)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    rows = Entry.objects.filter(cohort=cohort).order_by("place")
    newcomers = (_people(1)[0] for _ in count())
    return _List(course.slug, cohort, list(rows.values_list("person", "pk")), newcomers)


def _many(queue: _List) -> float:
    """Seconds to give so many seats."""
    from matricula.flows import promote

    _more_seats(queue.cohort, AT_ONCE)
    begun = time.perf_counter()
    if promote.promote(queue.cohort) != AT_ONCE:
        raise BenchError("the freed seats were not given")
    return time.perf_counter() - begun


def measure(rounds: int, length: int) -> dict[str, Any]:
    """The figures of a short list and of one of this length, a round of each in turns."""
    from matricula.flows import doctor
    from matricula.kernel.schema import migrate

    migrate()
    short, long = _make(SHORT, 100_000), _make(length, 100_000)
    for number in range(rounds):
        for each in (short, long) if number % 2 == 0 else (long, short):
            each.round()
    many = {"offered": _many(long), "enrolled": _many(_make(length, None))}
    if found := [str(finding) for finding in doctor.examine() if finding.check != "unsent"]:
        raise BenchError(f"the doctor found:\n{found[:5]}")
    return {"short": short.times, "long": long.times, "many": many}


if __name__ == "__main__":
    import django

    django.setup()
    print(json.dumps(measure(int(sys.argv[1]), int(sys.argv[2]))))
