"""Fills the database of a benchmark: people with tokens, hot courses, and many quiet ones.

Run as `python -m bench.filling` in a process of its own, with the site's environment.
"""

from __future__ import annotations

import argparse
from pathlib import Path

# Lists of places that requests go to. A hot course serves one measured span and is then left.
# An opening has few seats.
HOT, SPREAD, OPENING = 0, 1, 2
HOT_COURSES = 200
SPREAD_COURSES = 1_000
OPENINGS = 20
OPENING_SEATS = 500
_PLENTY = 1_000_000_000
_WORDS = {HOT: "hot", SPREAD: "quiet", OPENING: "opening"}
FOLLOWED_AT_ONCE = 500
_HOLD_SECONDS = 86_400
# The same function as the site's own, for a batch.
_FOLLOW = """
SELECT count(*) FROM (
    SELECT array_agg(p.id ORDER BY g.n) AS people, array_agg(g.enrollment ORDER BY g.n) AS wanted,
           count(*)::integer AS n
      FROM unnest(%(enrollments)s::uuid[]) WITH ORDINALITY AS g(enrollment, n)
      JOIN bench_person p ON p.n = g.n - 1 + %(start)s) w,
  LATERAL enroll_people(
      w.people, array_fill(%(course)s::uuid, ARRAY[w.n]), array_fill(%(cohort)s::uuid, ARRAY[w.n]),
      w.wanted, array_fill(%(seconds)s::integer, ARRAY[w.n]),
      array_fill(NULL::integer, ARRAY[w.n]), array_fill('{}'::jsonb, ARRAY[w.n]),
      array_fill('bench'::text, ARRAY[w.n]), array_fill(NULL::text, ARRAY[w.n]),
      array_fill(NULL::text, ARRAY[w.n]), array_fill(NULL::text, ARRAY[w.n])) done
 WHERE done.outcome = 'held'
"""


def slug(kind: int, number: int) -> str:
    """The address of a course of the benchmark."""
    return f"{_WORDS[kind]}-{number:04d}"


def places(kind: int) -> int:
    """How many courses there are of this kind."""
    return {HOT: HOT_COURSES, SPREAD: SPREAD_COURSES, OPENING: OPENINGS}[kind]


def fill(people: int, tokens: Path) -> None:
    """Adds the people (a token each, one a line, in order of their number) and the courses."""
    from matricula import demo
    from matricula.kernel.schema import migrate

    migrate()
    demo.load()
    demo.add_people(people, tokens)
    _add_courses(HOT, HOT_COURSES)
    _add_courses(SPREAD, SPREAD_COURSES)
    _add_courses(OPENING, OPENINGS, OPENING_SEATS)
    _number(tokens)


def _add_courses(kind: int, count: int, capacity: int = _PLENTY) -> None:
    from matricula.catalog.models import Cohort, Course, CourseStatus
    from matricula.seats import actions as seats

    courses = [
        Course(
            slug=slug(kind, number),
            title=f"{_WORDS[kind].capitalize()} course {number}",
            summary="A course that the benchmarks fill.",
            description="It has as many seats as anybody wants. " * 20,
            category="Benchmark",
            instructor_name="Load Test",
            duration_weeks=4,
            status=CourseStatus.PUBLISHED,
        )
        for number in range(count)
    ]
    Course.objects.bulk_create(courses)
    for cohort in Cohort.objects.bulk_create(Cohort(course=c, name="Intake") for c in courses):
        seats.set_capacity(cohort.pk, capacity)


def follow(count: int, file: str) -> None:
    """A held seat, and so a pending enrollment, for each of the first `count` people in a course of
    its own; their references, one a line, in order of their number."""
    from django.db import connection

    from matricula.catalog.models import Cohort, Course, CourseStatus
    from matricula.kernel import ids
    from matricula.seats import actions as seats

    course = Course.objects.create(slug="followed", title="Followed", status=CourseStatus.PUBLISHED)
    cohort = Cohort.objects.create(course=course, name="Intake")
    seats.set_capacity(cohort.pk, _PLENTY)
    enrollments = [ids.new_id() for _ in range(count)]
    with connection.cursor() as cursor:
        for start in range(0, count, FOLLOWED_AT_ONCE):
            batch = enrollments[start : start + FOLLOWED_AT_ONCE]
            about = {"course": course.pk, "cohort": cohort.pk, "seconds": _HOLD_SECONDS}
            cursor.execute(_FOLLOW, {**about, "enrollments": batch, "start": start})
            assert cursor.fetchone() == (len(batch),)
    Path(file).write_text("".join(f"{ids.to_text('enr', one)}\n" for one in enrollments))


def _number(tokens: Path) -> None:
    """Numbers people and places, for pgbench to find them as the load generator does."""
    from django.db import connection

    from matricula.accounts.tokens import read_access

    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 0")
        cursor.execute("CREATE TABLE bench_person (n integer PRIMARY KEY, id uuid NOT NULL)")
        with cursor.copy("COPY bench_person FROM STDIN") as copy:
            for number, token in enumerate(tokens.read_text().split()):
                copy.write_row((number, str(read_access(token))))
        cursor.execute(
            "CREATE TABLE bench_place (list integer, n integer, course_id uuid, cohort_id uuid,"
            " PRIMARY KEY (list, n))"
        )
        cursor.execute(
            "INSERT INTO bench_place SELECT CASE split_part(c.slug, '-', 1) WHEN 'hot' THEN %s"
            " WHEN 'quiet' THEN %s ELSE %s END, split_part(c.slug, '-', 2)::integer, c.id, h.id"
            " FROM catalog_course c JOIN catalog_cohort h ON h.course_id = c.id"
            " WHERE c.category = 'Benchmark'",
            [HOT, SPREAD, OPENING],
        )
        cursor.execute("VACUUM ANALYZE")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("people", type=int)
    parser.add_argument("tokens", type=Path)
    given = parser.parse_args()

    import django

    django.setup()
    fill(given.people, given.tokens)


if __name__ == "__main__":
    main()
