"""A form that was opened before a colleague saved undoes nothing unknowingly."""

from __future__ import annotations

import html
import json
import re
from typing import Any

import pytest
from django.db.models import F
from django.test import Client

from matricula.catalog.models import Cohort, Course, CoursePrice
from matricula.edges.console.site import console as site
from matricula.seats.models import SeatCount
from tests.console.addresses import COHORTS, COURSES, change, cohort_form, course_form, lines
from tests.support.factories import make_course
from tests.support.routes import console_rows

pytestmark = pytest.mark.django_db


def version(page: Any) -> dict[str, str]:
    """The version that a form carries, as it is sent back."""
    found = re.search(r'name="_version" value="([^"]*)"', page.content.decode())
    return {"_version": html.unescape(found[1])} if found else {}


@pytest.fixture
def course() -> Course:
    return make_course(with_cohort=False, summary="Before")


def test_what_a_colleague_saved_is_shown_and_not_undone(console: Client, course: Course) -> None:
    path = change(COURSES, course.pk)
    opened = version(console.get(path))
    Course.objects.filter(pk=course.pk).update(status="archived")
    answer = console.post(path, course_form(course, summary="Mine", **opened))
    assert answer.status_code == 409
    course.refresh_from_db()
    assert (course.status, course.summary) == ("archived", "Before")
    (difference,) = answer.context["conflict"].differences
    assert (difference.label, difference.theirs, difference.yours) == (
        "Status",
        "Archived: kept for those who have it",
        "Published",
    )
    shown = answer.context["adminform"].form.initial
    assert (shown["status"], shown["summary"]) == ("archived", "Mine")
    again = course_form(course, summary="Mine", **version(answer))
    assert console.post(path, again).status_code == 302
    course.refresh_from_db()
    assert (course.status, course.summary) == ("archived", "Mine")


def test_keeping_mine_is_a_choice(console: Client, course: Course) -> None:
    path = change(COURSES, course.pk)
    mine = course_form(course, summary="Mine")
    opened = version(console.get(path))
    Course.objects.filter(pk=course.pk).update(summary="Theirs")
    answer = console.post(path, mine | opened)
    assert answer.context["adminform"].form.initial["summary"] == "Mine"
    assert "Theirs" in answer.content.decode()
    assert console.post(path, mine | version(answer)).status_code == 302
    course.refresh_from_db()
    assert course.summary == "Mine"


def test_a_price_that_a_colleague_changed_stays(console: Client) -> None:
    course = make_course(with_cohort=False, price=100_000)
    price = CoursePrice.objects.get(course=course)
    path = change(COURSES, course.pk)
    opened = version(console.get(path))
    CoursePrice.objects.filter(pk=price.pk).update(amount_minor=200_000)
    fields = {"0__id": price.pk, "0__course": course.pk, "0__currency": "INR", "0__amount": "1000"}
    answer = console.post(path, course_form(course, **lines("prices", 1, 1, **fields), **opened))
    assert answer.status_code == 409
    assert "2000" in answer.context["conflict"].differences[0].theirs
    price.refresh_from_db()
    assert price.amount_minor == 200_000


def test_a_capacity_that_a_colleague_changed_stays(console: Client) -> None:
    cohort = Cohort.objects.get(course=make_course(capacity=10))
    path = change(COHORTS, cohort.pk)
    opened = version(console.get(path))
    SeatCount.objects.filter(cohort=cohort.pk).update(capacity=25)
    form = cohort_form(cohort, capacity=10, **opened)
    answer = console.post(path, form)
    assert answer.status_code == 409
    assert ("25", "10") in {(d.theirs, d.yours) for d in answer.context["conflict"].differences}
    assert SeatCount.objects.get(cohort=cohort.pk).capacity == 25


def test_seats_that_are_sold_meanwhile_are_no_conflict(console: Client) -> None:
    cohort = Cohort.objects.get(course=make_course(capacity=10))
    path = change(COHORTS, cohort.pk)
    opened = version(console.get(path))
    SeatCount.objects.filter(cohort=cohort.pk).update(sold=F("sold") + 1)
    assert console.post(path, cohort_form(cohort, **opened)).status_code == 302


def test_saving_the_same_as_a_colleague_is_no_conflict(console: Client, course: Course) -> None:
    path = change(COURSES, course.pk)
    opened = version(console.get(path))
    Course.objects.filter(pk=course.pk).update(summary="Agreed")
    assert console.post(path, course_form(course, summary="Agreed", **opened)).status_code == 302


def test_every_form_that_can_be_changed_carries_a_version(console: Client) -> None:
    looked_at = 0
    for start, row in console_rows().items():
        admin = site._registry[type(row)] if row is not None else None
        page = console.get(f"/{start}{row.pk}/change/") if row is not None else None
        if page is None or not page.context.get("has_change_permission"):
            continue
        looked_at += 1
        assert admin is not None
        assert set(page.context["adminform"].form.fields) <= set(
            json.loads(version(page)["_version"])
        ), start
    assert looked_at > 5
