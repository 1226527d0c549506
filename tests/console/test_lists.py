"""Lists and pages ask the database as often for many rows as for few."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test import Client

from tests.console.addresses import LISTS
from tests.support.claims import Wish, enroll_people
from tests.support.factories import make_course, make_people, only_cohort

# The session, the person and their permissions, the rows, their bounded count, and the filters.
MOST_QUERIES = 12


@pytest.fixture
def crowd(db: None) -> None:
    for hold_seconds in (None, 600):
        for person in make_people(8):
            course = make_course(price=100)
            wish = Wish(person.pk, course.pk, only_cohort(course), hold_seconds=hold_seconds)
            with connection.cursor() as cursor:
                enroll_people(cursor, [wish])


@pytest.mark.parametrize("listing", ["/console/", *LISTS])
def test_a_list_takes_few_queries_however_long(
    console: Client, crowd: None, listing: str, django_assert_max_num_queries: Any
) -> None:
    with django_assert_max_num_queries(MOST_QUERIES):
        assert console.get(listing).status_code == 200
