"""What the tests of seats start from."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

import pytest
from django.db import connection
from django.db.backends.utils import CursorWrapper

from matricula.kernel import ids
from matricula.seats.models import SeatCount
from tests.support.factories import make_cohort, make_course, make_person


@pytest.fixture
def cursor(db: None) -> Iterator[CursorWrapper]:
    with connection.cursor() as cursor:
        yield cursor


@pytest.fixture
def person(db: None) -> UUID:
    return make_person().pk


class Rooms:
    """Cohorts of any size, and what is counted in them."""

    def __init__(self) -> None:
        self._course = make_course(with_cohort=False)

    def cohort(self, capacity: int | None) -> UUID:
        return make_cohort(self._course, capacity=capacity).pk

    def counted(self, cohort: UUID) -> tuple[int, int]:
        """Held and sold."""
        count = SeatCount.objects.get(pk=cohort)
        return count.held, count.sold


@pytest.fixture
def rooms(db: None) -> Rooms:
    return Rooms()


def new_keys(count: int) -> list[UUID]:
    return [ids.new_id() for _ in range(count)]
