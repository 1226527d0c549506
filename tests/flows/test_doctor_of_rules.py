"""The doctor on swaps and timetables."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

import pytest

from matricula.catalog.models import Cohort, CohortMeeting, Course, Timetable
from matricula.enrollments.models import Enrollment, Swap
from matricula.flows import doctor
from matricula.flows.swap import swap
from matricula.kernel import clock
from tests.flows.conftest import given
from tests.support.factories import make_course, make_meeting, make_person, only_cohort

pytestmark = pytest.mark.django_db
Broken = Callable[[], str]  # what the finding must name


def swap_without_ending(*, other_person: bool = False) -> str:
    person, course, other = make_person().pk, make_course(), make_course()
    first = given(person, course)
    second = given(make_person().pk if other_person else person, other)
    Swap.objects.create(given_up_id=first, taken_id=second)
    return str(first)


def met() -> Cohort:
    cohort = Cohort.objects.get(course=make_course())
    make_meeting(cohort)
    return cohort


def forget_the_timetable() -> str:
    cohort = met()
    Timetable.objects.all().delete()
    return str(cohort.pk)


def forget_the_meetings() -> str:
    cohort = met()
    CohortMeeting.objects.all().delete()
    return str(cohort.pk)


def move_silently() -> str:
    cohort = met()
    day = (clock.now() + timedelta(days=30)).date()
    CohortMeeting.objects.update(first_day=day, last_day=day)
    return str(cohort.pk)


BROKEN: list[tuple[str, Broken]] = [
    ("swaps", swap_without_ending),
    ("swaps", lambda: swap_without_ending(other_person=True)),
    ("timetables", forget_the_timetable),
    ("timetables", forget_the_meetings),
    ("timetables", move_silently),
]


@pytest.mark.parametrize(("check", "break_it"), BROKEN)
def test_each_broken_promise_is_named(check: str, break_it: Broken) -> None:
    named = break_it()
    found = [finding for finding in doctor.examine() if finding.check == check]
    assert [named in finding.detail for finding in found] == [True]


def test_patterns_of_every_kind_are_sound() -> None:
    day = clock.now().date()
    for fields in (
        {"weekdays": [1, 3], "last_day": day + timedelta(days=200), "first_day": day},
        {"zone": "Pacific/Kiritimati"},
        {"zone": "Pacific/Pago_Pago"},
        {"skipped": [day], "weekdays": [day.isoweekday()], "first_day": day, "last_day": day},
    ):
        make_meeting(Cohort.objects.get(course=make_course()), **fields)
    assert doctor.examine() == []


def test_a_swap_is_sound(person: UUID, course: Course) -> None:
    enrollment = given(person, course)
    other = make_course()
    swap(enrollment, person, only_cohort(other), actor_id=person)
    assert Enrollment.objects.filter(person=person).count() == 2
    assert doctor.examine() == []
