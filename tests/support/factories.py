"""People, courses and cohorts for tests, made with the real models and actions.

Everything gets names of its own, so that tests can share a database.
"""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import Any
from uuid import UUID

from matricula.accounts.models import Person
from matricula.catalog import actions as catalog
from matricula.catalog.models import Cohort, CohortMeeting, Course, CoursePrice, CourseStatus
from matricula.enrollments.models import Completion
from matricula.kernel import clock, ids
from matricula.seats import actions as seats


def make_person(**fields: Any) -> Person:
    """A person who cannot sign in with a password."""
    email = fields.pop("email", f"{ids.to_text('usr', ids.new_id())}@people.example.com")
    return Person.objects.create_user(email, None, **fields)


def make_people(count: int) -> list[Person]:
    """Many people, with one statement."""
    made = [
        Person(
            id=(person_id := ids.new_id()),
            email=f"{ids.to_text('usr', person_id)}@people.example.com",
            password="!",
        )
        for _ in range(count)
    ]
    return Person.objects.bulk_create(made)


def make_course(
    *,
    capacity: int | None = 10,
    with_cohort: bool = True,
    price: int | None = None,
    prerequisites: tuple[Course, ...] = (),
    **fields: Any,
) -> Course:
    """A published course with an open cohort of so many seats. The price is in paise."""
    unique = ids.to_text("crs", ids.new_id())
    fields = {
        "slug": unique.replace("_", "-"),
        "title": f"Course {unique[-8:]}",
        "status": CourseStatus.PUBLISHED,
        **fields,
    }
    course = Course.objects.create(**fields)
    course.prerequisites.add(*prerequisites)
    if price is not None:
        CoursePrice.objects.create(course=course, currency="INR", amount_minor=price)
    if with_cohort:
        make_cohort(course, capacity=capacity)
    return course


def make_cohort(course: Course, *, capacity: int | None = 10, **fields: Any) -> Cohort:
    """A cohort that is open from yesterday for a month, unless `fields` say otherwise."""
    moment = clock.now()
    fields = {
        "name": ids.to_text("coh", ids.new_id()),
        "opens_at": moment - timedelta(days=1),
        "closes_at": moment + timedelta(days=30),
        **fields,
    }
    cohort = Cohort.objects.create(course=course, **fields)
    seats.set_capacity(cohort.pk, capacity)
    return cohort


def only_cohort(course: Course) -> UUID:
    """The id of the course's one cohort."""
    return Cohort.objects.get(course=course).pk


def complete(person: Person, course: Course, at: datetime | None = None) -> None:
    """Records that the person has completed the course."""
    Completion.objects.create(person=person, course=course, completed_at=at or clock.now())


def make_meeting(cohort: Cohort, **fields: Any) -> CohortMeeting:
    """Two hours in the evening of tomorrow, unless `fields` say otherwise; the cohort's timetable
    follows."""
    day = (clock.now() + timedelta(days=1)).date()
    fields = {
        "first_day": day,
        "last_day": fields.get("first_day", day),
        "starts": time(18),
        "ends": time(20),
        "zone": "UTC",
        **fields,
    }
    meeting = CohortMeeting.objects.create(cohort=cohort, **fields)
    catalog.arrange(cohort.pk)
    return meeting
