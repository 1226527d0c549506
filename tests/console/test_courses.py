"""Editing courses, and what the event log says of it."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client

from matricula.accounts.models import Person
from matricula.catalog.models import Course, CoursePrice
from tests.console.addresses import COURSES, change, course_form, events_of, lines
from tests.support.factories import complete, make_course, make_person


def saved(answer: object) -> bool:
    return getattr(answer, "status_code", None) == 302


def test_adding_a_course_writes_its_first_event(console: Client, superuser: Person) -> None:
    assert saved(console.post(f"{COURSES}add/", course_form(status="draft")))
    course = Course.objects.get(slug="new-course")
    (event,) = events_of(course.pk)
    assert (event.type, event.actor, event.subject_seq) == ("course.created", superuser.pk, 1)
    assert event.data["changes"]["status"] == {"old": None, "new": "draft"}


def test_changing_a_course_writes_names_and_the_status(console: Client) -> None:
    course = make_course(with_cohort=False)
    form = course_form(course, title="A secret title", status="archived")
    assert saved(console.post(change(COURSES, course.pk), form))
    (event,) = events_of(course.pk)
    assert event.type == "course.changed"
    assert sorted(event.data["fields"]) == ["status", "title"]
    assert event.data["changes"]["status"] == {"old": "published", "new": "archived"}
    assert "secret" not in str(event.data)


def test_saving_without_a_change_writes_nothing(console: Client) -> None:
    course = make_course(with_cohort=False)
    assert saved(console.post(change(COURSES, course.pk), course_form(course)))
    assert events_of(course.pk) == []


def test_events_of_one_course_are_numbered(console: Client) -> None:
    course = make_course(with_cohort=False)
    for category in ("One", "Two"):
        console.post(change(COURSES, course.pk), course_form(course, category=category))
    assert [event.subject_seq for event in events_of(course.pk)] == [1, 2]


def test_prices_are_typed_in_major_units(console: Client) -> None:
    course = make_course(with_cohort=False)
    priced = lines("prices", 1, **{"0__currency": "inr", "0__amount": "2999.50", "0__sale": "1999"})
    assert saved(console.post(change(COURSES, course.pk), course_form(course, **priced)))
    price = CoursePrice.objects.get(course=course)
    assert (price.currency, price.amount_minor, price.sale_minor) == ("INR", 299_950, 199_900)
    (event,) = events_of(course.pk)
    assert event.data["changes"]["prices"][0]["amount"] == {"old": None, "new": "2999.50"}


def test_a_changed_price_is_in_the_log_with_both_amounts(console: Client) -> None:
    course = make_course(with_cohort=False, price=100_000)
    price = CoursePrice.objects.get(course=course)
    fields = {"0__id": price.pk, "0__course": course.pk, "0__currency": "INR", "0__amount": "900"}
    priced = lines("prices", 1, 1, **fields)
    assert saved(console.post(change(COURSES, course.pk), course_form(course, **priced)))
    (event,) = events_of(course.pk)
    assert event.data["fields"] == ["prices"]
    assert event.data["changes"]["prices"][0]["amount"] == {"old": "1000.00", "new": "900"}


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"0__currency": "INR", "0__amount": "0"}, "A free course has no price"),
        ({"0__currency": "INR", "0__amount": "1.234"}, "more decimals"),
        ({"0__currency": "ZZZ", "0__amount": "1"}, "not an ISO 4217 currency"),
        ({"0__currency": "INR", "0__amount": "5", "0__sale": "5"}, "lower than the price"),
        ({"0__currency": "INR", "0__amount": "99999999999999999"}, "no more than"),
        ({"0__currency": "INR", "0__amount": "NaN"}, "Enter a number"),
    ],
)
def test_a_wrong_price_is_explained(console: Client, fields: dict[str, str], words: str) -> None:
    course = make_course(with_cohort=False)
    form = course_form(course, **lines("prices", 1, **fields))
    answer = console.post(change(COURSES, course.pk), form)
    assert answer.status_code == 200
    assert words in answer.content.decode()
    assert not CoursePrice.objects.filter(course=course).exists()


def test_courses_that_need_each_other_are_refused(console: Client) -> None:
    first = make_course(with_cohort=False)
    second = make_course(with_cohort=False, prerequisites=(first,))
    answer = console.post(
        change(COURSES, first.pk), course_form(first, prerequisites=[str(second.pk)])
    )
    assert "Nobody could ever enroll" in answer.content.decode()
    assert not first.prerequisites.exists()


def test_prerequisites_are_in_the_log_by_their_ids(console: Client) -> None:
    first, second = make_course(with_cohort=False), make_course(with_cohort=False)
    form = course_form(second, prerequisites=[str(first.pk)])
    assert saved(console.post(change(COURSES, second.pk), form))
    (event,) = events_of(second.pk)
    assert event.data["changes"]["prerequisites"] == {"old": [], "new": [str(first.pk)]}


def test_a_course_nobody_needs_can_be_deleted(console: Client) -> None:
    course = make_course(with_cohort=False, price=100)
    assert saved(console.post(f"{COURSES}{course.pk}/delete/", {"post": "yes"}))
    assert not Course.objects.filter(pk=course.pk).exists()
    (event,) = events_of(course.pk)
    assert event.type == "course.deleted"


def test_a_course_others_depend_on_stays_and_says_why(console: Client) -> None:
    course = make_course()
    make_course(with_cohort=False, prerequisites=(course,), title="The advanced one")
    complete(make_person(), course)
    for answer in (
        console.get(f"{COURSES}{course.pk}/delete/"),
        console.post(f"{COURSES}{course.pk}/delete/", {"post": "yes"}),
    ):
        page = answer.content.decode()
        assert "cannot be deleted" in page
        assert "1 cohort." in page
        assert "1 completion of it" in page
        assert "The advanced one" in page
    assert events_of(course.pk) == []


def test_a_slug_already_taken_is_a_form_error(console: Client) -> None:
    taken = make_course(with_cohort=False)
    answer = console.post(f"{COURSES}add/", course_form(slug=taken.slug))
    assert answer.status_code == 200
    assert "Another course has this address" in answer.content.decode()


def test_djangos_own_log_stays_empty(console: Client) -> None:
    course = make_course(with_cohort=False)
    console.post(change(COURSES, course.pk), course_form(course, category="Other"))
    console.post(f"{COURSES}{course.pk}/delete/", {"post": "yes"})
    assert not LogEntry.objects.exists()


def test_history_leads_to_the_events(console: Client) -> None:
    course = make_course(with_cohort=False)
    answer = console.get(f"{COURSES}{course.pk}/history/")
    assert answer["Location"].startswith("/console/kernel/event/?q=crs_")


def test_the_row_is_locked_before_it_is_changed(
    console: Client, django_assert_max_num_queries: Any
) -> None:
    course = make_course(with_cohort=False)
    with django_assert_max_num_queries(40) as asked:
        console.post(change(COURSES, course.pk), course_form(course, category="Locked"))
    table = '"catalog_course"'
    steps = [query["sql"] for query in asked.captured_queries if table in query["sql"]]
    lock = next(place for place, sql in enumerate(steps) if "FOR NO KEY UPDATE" in sql)
    update = next(place for place, sql in enumerate(steps) if sql.startswith("UPDATE"))
    reads_between = [sql for sql in steps[lock + 1 : update] if sql.startswith("SELECT")]
    assert lock < update
    assert reads_between


@pytest.mark.parametrize(
    ("title", "slug"),
    [("Đại học", "dai-hoc"), ("数据", "shuju"), ("Basic Programming", "basic-programming-2")],
)
def test_an_address_left_empty_is_made_of_the_title(console: Client, title: str, slug: str) -> None:
    assert saved(console.post(f"{COURSES}add/", course_form(title=title, slug="")))
    assert Course.objects.get(title=title, slug=slug)


def test_an_address_emptied_later_stays(console: Client) -> None:
    course = make_course(with_cohort=False)
    assert saved(console.post(change(COURSES, course.pk), course_form(course, slug="")))
    assert Course.objects.get(pk=course.pk).slug == course.slug


@pytest.mark.parametrize("slug", ["crs_knots", "two words", "ü", "x" * 81])
def test_what_cannot_be_an_address_is_a_form_error(console: Client, slug: str) -> None:
    answer = console.post(f"{COURSES}add/", course_form(slug=slug))
    assert answer.status_code == 200
    assert list(answer.context["adminform"].form.errors) == ["slug"]


def test_an_address_that_another_course_had_is_a_form_error(console: Client) -> None:
    course = make_course(slug="had-once", with_cohort=False)
    Course.objects.filter(pk=course.pk).update(slug="has-now")
    answer = console.post(f"{COURSES}add/", course_form(slug="had-once"))
    assert "Another course has this address" in answer.content.decode()
    assert saved(console.post(change(COURSES, course.pk), course_form(course, slug="had-once")))


def test_a_title_is_cleaned_and_one_that_shows_nothing_is_a_form_error(console: Client) -> None:
    answer = console.post(f"{COURSES}add/", course_form(title="\u200b\u2060"))
    assert list(answer.context["adminform"].form.errors) == ["title"]
    title = "\u202e Ada\u200b  Lovelace"
    assert saved(console.post(f"{COURSES}add/", course_form(title=title, slug="")))
    assert Course.objects.get(slug="ada-lovelace").title == "Ada Lovelace"


def test_a_course_cannot_be_taken_together_with_itself(console: Client) -> None:
    course = make_course(with_cohort=False)
    form = course_form(course, corequisites=[str(course.pk)])
    answer = console.post(change(COURSES, course.pk), form)
    assert answer.status_code == 200
    assert not course.corequisites.exists()


def test_a_loop_of_a_prerequisite_and_a_corequisite_is_refused_by_name(console: Client) -> None:
    first = make_course(with_cohort=False, title="First steps")
    second = make_course(with_cohort=False, title="Second steps")
    second.corequisites.add(first)
    form = course_form(first, prerequisites=[str(second.pk)])
    answer = console.post(change(COURSES, first.pk), form)
    assert "First steps → Second steps → First steps" in answer.content.decode()
    assert not first.prerequisites.exists()
