"""What to take besides, next, or instead: worked out now and then, read from one row a course.

Two things are learned, each by one statement: from what people took (`sql/recommend/paths.sql`),
where a pair of courses counts only when `LEAST_PEOPLE` share it, and from what courses say
(`likeness.sql`). Nobody is shown what they could not enroll in. See docs/adr/0056.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from functools import lru_cache
from importlib import resources
from typing import Any
from uuid import UUID

from django.db import connection, transaction

from matricula.catalog import recommendations, shelf
from matricula.flows import offer
from matricula.flows.offer import CourseOffer
from matricula.kernel import clock

SHOWN = 3  # beside a course
# A pair of courses that fewer people share would tell what somebody chose (k-anonymity).
LEAST_PEOPLE = 5
LOOKS_BACK = timedelta(days=730)
MOST_OF_ONE_PERSON = 40
MOST_OF_ONE_KIND = 12
MOST_OPEN = 12
MOST_ALIKE = 200
LEAST_NEARNESS = 0.15
LONGEST = "15min"  # for a statement that learns; it holds no lock that anybody waits for
# Each process looks once a minute at what of it is open, for courses that are asked for.
LOOK_SECONDS = 60


class Reason(StrEnum):
    """Why a course is recommended."""

    TAKEN_NEXT = "taken_next"
    TAKEN_TOGETHER = "taken_together"
    ALIKE = "alike"


@dataclass(frozen=True)
class Suggestion:
    """A course that this visitor could enroll in, and why it stands here."""

    offer: CourseOffer
    reason: Reason


def learn_paths() -> int:
    """Learns from what people took; returns how many courses got other recommendations."""
    return _learn(
        "paths",
        since=clock.now() - LOOKS_BACK,
        least=LEAST_PEOPLE,
        most_of_one=MOST_OF_ONE_PERSON,
        most=MOST_OF_ONE_KIND,
    )


def learn_likeness() -> int:
    """Learns from what courses say; returns how many courses got other recommendations."""
    return _learn(
        "likeness",
        most_alike=MOST_ALIKE,
        least_nearness=LEAST_NEARNESS,
        most=MOST_OF_ONE_KIND,
    )


def _learn(name: str, **params: Any) -> int:
    file = resources.files("matricula.flows") / "sql" / "recommend" / f"{name}.sql"
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL statement_timeout = '{LONGEST}'")
        cursor.execute(file.read_text(), params)
        count: int = cursor.rowcount
    return count


def suggestions(
    course_id: UUID, person_id: UUID | None, *, limit: int = SHOWN, but: Sequence[UUID] = ()
) -> list[Suggestion]:
    """What stands beside the course for this visitor, the nearest first, without those in `but`.

    As of a minute ago at most; one query for somebody signed in, and none for a guest.
    """
    found = [one for one in candidates(course_id) if one.offer.course.id not in but]
    if person_id is None or not found:
        return found[:limit]
    to_them = offer.offers_again([one.offer for one in found], person_id)
    return [
        Suggestion(theirs, one.reason)
        for one, theirs in zip(found, to_them, strict=True)
        if theirs.is_open
    ][:limit]


def candidates(course_id: UUID) -> Sequence[Suggestion]:
    """What `suggestions` chooses from for whoever asks: no query, but one a minute."""
    return open_beside(course_id, _minute())


def reasons(course_id: UUID) -> Mapping[UUID, Reason]:
    """What is recommended beside the course, and why, whether it is open or not: no query, but one
    a minute."""
    return reasons_beside(course_id, _minute())


@lru_cache(maxsize=500)
def open_beside(course_id: UUID, minute: int) -> tuple[Suggestion, ...]:
    """What stands beside the course and anybody could enroll in, read anew each minute."""
    reasons = reasons_beside(course_id, minute)
    if not reasons:
        return ()
    # Plans from the shelf: courses recommended beside many are kept once.
    plans = shelf.find(reasons).by_name
    found = offer.offers_of([plans[id_] for id_ in reasons if id_ in plans], None)
    open_ = [Suggestion(one, reasons[one.course.id]) for one in found if one.is_open]
    return tuple(open_[:MOST_OPEN])


def _minute() -> int:
    return int(time.monotonic() // LOOK_SECONDS)


@lru_cache(maxsize=500)
def reasons_beside(course_id: UUID, minute: int) -> Mapping[UUID, Reason]:  # noqa: ARG001 - the key
    """Each course with the first reason for it, in order, read anew each minute."""
    related = recommendations.related_to(course_id)
    found: dict[UUID, Reason] = {}
    for course_ids, reason in (
        (related.taken_next, Reason.TAKEN_NEXT),
        (related.taken_together, Reason.TAKEN_TOGETHER),
        (related.alike, Reason.ALIKE),
    ):
        for other_id in course_ids:
            found.setdefault(other_id, reason)
    return found
