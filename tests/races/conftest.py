"""A database of the race's own, and the people who race in it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import psycopg
import pytest
from pytest_django import DjangoDbBlocker

from matricula.catalog.models import Course
from matricula.flows import doctor
from tests.support.claims import Wish, enroll_people
from tests.support.crowds import connect, django_on
from tests.support.factories import make_course, make_people, only_cohort


@dataclass
class Track:
    """Where a race is run: an address, and what everybody competes for."""

    url: str
    people: list[UUID] = field(default_factory=list)

    def crowd(self, count: int) -> list[UUID]:
        """So many people who enroll nowhere yet."""
        return [person.pk for person in make_people(count)]

    def course(self, capacity: int | None) -> tuple[UUID, UUID]:
        """A new free course and its one cohort."""
        course: Course = make_course(capacity=capacity)
        return course.pk, only_cohort(course)

    def run(self, statement: str, params: Any = None) -> list[tuple[Any, ...]]:
        """One statement, committed; its rows, if it has any."""
        with connect(self.url) as connection:
            cursor = connection.execute(statement, params)
            return cursor.fetchall() if cursor.description else []

    def install(self, text: str) -> None:
        """Replaces functions by those of this SQL text."""
        with connect(self.url) as connection:
            connection.execute(text)

    def sold(self, cohort: UUID) -> int:
        """How many seats the ledger says are sold."""
        ((count,),) = self.run(
            "SELECT count(*) FROM seats_hold WHERE cohort_id = %s AND state = 'sold'", [cohort]
        )
        return int(count)

    def broken_promises(self) -> list[str]:
        """What the doctor finds."""
        return [str(finding) for finding in doctor.examine()]


@pytest.fixture
def track(fresh_database: str, django_db_blocker: DjangoDbBlocker) -> Iterator[Track]:
    with django_db_blocker.unblock(), django_on(fresh_database):
        yield Track(fresh_database)


def wishing(wishes: list[Wish]) -> Any:
    """Work for a thread: one call for these wishes; answers what became of each."""

    def work(connection: psycopg.Connection[Any]) -> list[str]:
        with connection.cursor() as cursor:
            return [answer.outcome for answer in enroll_people(cursor, wishes)]

    return work
