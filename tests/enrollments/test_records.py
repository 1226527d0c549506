"""What the database knows of a person that rules ask about."""

from __future__ import annotations

from datetime import date, time, timedelta
from uuid import UUID

import pytest
from allauth.account.models import EmailAddress
from pytest_django import DjangoAssertNumQueries

from matricula.accounts.models import LearnerGroup, Person
from matricula.catalog import queries as catalog
from matricula.catalog.models import CategoryLimit, Cohort, Course
from matricula.enrollments import standings
from matricula.enrollments.admission import Record
from matricula.enrollments.models import Override, Swap
from matricula.enrollments.standings import Asking
from matricula.enrollments.states import LIVE, Stage
from matricula.kernel import clock
from tests.enrollments.conftest import crowd, enrolled, moved
from tests.support.factories import (
    complete,
    make_cohort,
    make_course,
    make_meeting,
    make_person,
    only_cohort,
)
from tests.support.plans import reads_of

pytestmark = pytest.mark.django_db


def record_of(person: UUID, course: Course, *apart_from: UUID) -> Record:
    plan = catalog.find_course(course.pk)
    (found,) = standings.read([Asking(person, plan)], apart_from=apart_from)
    assert found.standing.record is not None
    return found.standing.record


def ruled(**fields: object) -> Course:
    """A course that asks for more than a seat, so that all is read."""
    return make_course(most_takes=9, **fields)  # type: ignore[arg-type]


def cohort_of(course: Course) -> Cohort:
    return Cohort.objects.get(course=course)


# --- profiles -------------------------------------------------------------------------------


def test_a_profile_holds_what_the_person_has_told(person: UUID) -> None:
    assert record_of(person, ruled()).profile.told == frozenset()
    born = date(2000, 2, 29)
    Person.objects.filter(pk=person).update(full_name="A. Learner", phone="1", birth_date=born)
    profile = record_of(person, ruled()).profile
    assert profile.told == {"full_name", "phone", "birth_date"}
    assert profile.birth_date == born


def test_only_the_domains_of_confirmed_addresses_count(person: UUID) -> None:
    for email, verified in (("a@Example.com", True), ("a@else.org", False)):
        EmailAddress.objects.create(user_id=person, email=email, verified=verified)
    assert record_of(person, ruled()).profile.domains == {"example.com"}


def test_groups_are_those_the_person_is_a_member_of(person: UUID) -> None:
    mine, _other = (LearnerGroup.objects.create(name=name) for name in ("mine", "other"))
    mine.members.add(person)
    assert record_of(person, ruled()).profile.groups == {mine.pk}


# --- other enrollments ----------------------------------------------------------------------


@pytest.mark.parametrize("stage", list(Stage))
def test_a_live_enrollment_in_a_corequisite_counts(person: UUID, stage: Stage) -> None:
    other, course = make_course(), make_course()
    course.corequisites.add(other)
    enrollment = moved(enrolled(person, other), stage, ended_days_ago=0)
    assert record_of(person, course).enrolled == ({other.pk} if stage in LIVE else set())
    assert record_of(person, course, enrollment).enrolled == set()


@pytest.mark.parametrize("stage", list(Stage))
def test_a_take_is_one_that_was_confirmed_and_ended_otherwise_than_by_refund(
    person: UUID, stage: Stage
) -> None:
    course = ruled()
    moved(enrolled(person, course), stage, ended_days_ago=0)
    counts = stage not in LIVE and stage is not Stage.REFUNDED
    assert record_of(person, course).takes == int(counts)


def test_what_was_given_up_before_it_began_is_no_take(person: UUID) -> None:
    course = ruled()
    Cohort.objects.filter(course=course).update(starts_at=clock.now() + timedelta(days=3))
    moved(enrolled(person, course), Stage.CANCELLED, ended_days_ago=0)
    assert record_of(person, course).takes == 0


def test_what_was_never_confirmed_is_no_take(person: UUID) -> None:
    course = ruled()
    moved(enrolled(person, course, 60), Stage.EXPIRED, ended_days_ago=0)
    assert record_of(person, course).takes == 0


def test_what_was_swapped_for_another_is_no_take(person: UUID) -> None:
    course = ruled()
    first = moved(enrolled(person, course), Stage.CANCELLED, ended_days_ago=0)
    second = enrolled(person, course)
    Swap.objects.create(given_up_id=first, taken_id=second)
    assert record_of(person, course).takes == 0


def test_a_category_counts_what_is_live_there_and_not_over(person: UUID) -> None:
    CategoryLimit.objects.create(category="Knots", most=2)
    live, over, done, elsewhere = (
        make_course(category=category) for category in ("Knots", "Knots", "Knots", "Bends")
    )
    enrollments = [enrolled(person, course) for course in (live, over, done, elsewhere)]
    Cohort.objects.filter(course=over).update(ends_at=clock.now() - timedelta(days=1))
    complete(Person.objects.get(pk=person), done)
    course = make_course(category="Knots")
    assert record_of(person, course).in_category == 1
    assert record_of(person, course, enrollments[0]).in_category == 0


# --- clashes --------------------------------------------------------------------------------

TOMORROW = (clock.now() + timedelta(days=1)).date()


def met(person: UUID, mine: dict[str, object], wanted: dict[str, object]) -> bool:
    """Whether a course with such a meeting clashes with one the person is enrolled in."""
    other, course = make_course(), make_course()
    make_meeting(cohort_of(other), **mine)
    make_meeting(cohort_of(course), **wanted)
    enrolled(person, other)
    return only_cohort(course) in record_of(person, course).clashes


@pytest.mark.parametrize(
    ("mine", "wanted", "clashes"),
    [
        ((18, 20), (18, 20), True),
        ((18, 20), (19, 21), True),
        ((18, 20), (19, 19, 30), True),
        ((18, 20), (20, 22), False),
        ((20, 22), (18, 20), False),
        ((9, 10), (18, 20), False),
    ],
)
def test_meetings_clash_when_they_overlap_and_not_back_to_back(
    person: UUID, mine: tuple[int, ...], wanted: tuple[int, ...], clashes: bool
) -> None:
    def meeting(starts: int, *ends: int) -> dict[str, object]:
        return {"starts": time(starts), "ends": time(*ends)}

    assert met(person, meeting(*mine), meeting(*wanted)) is clashes


def test_the_same_hour_in_another_zone_is_another_time(person: UUID) -> None:
    assert not met(person, {"zone": "Asia/Kolkata"}, {"zone": "America/New_York"})
    india = {"zone": "Asia/Kolkata", "starts": time(23, 30), "ends": time(1, 30)}
    assert met(make_person().pk, india, {"zone": "UTC"})


def test_zones_that_change_their_clocks_on_other_days_clash_only_in_between(person: UUID) -> None:
    """New York changes on 8 March 2037, London on 29 March: in between they are an hour closer."""
    new_york = {"zone": "America/New_York", "starts": time(13), "ends": time(14), "weekdays": [1]}
    london = {"zone": "Europe/London", "starts": time(17), "ends": time(18), "weekdays": [1]}

    def during(day: date) -> dict[str, object]:
        return {"first_day": day, "last_day": day + timedelta(days=6)}

    before, between = during(date(2037, 3, 1)), during(date(2037, 3, 15))
    assert not met(person, {**new_york, **before}, {**london, **before})
    assert met(make_person().pk, {**new_york, **between}, {**london, **between})


def test_meetings_that_are_over_clash_with_nothing(person: UUID) -> None:
    day = (clock.now() - timedelta(days=2)).date()
    assert not met(person, {"first_day": day}, {"first_day": day})


def test_the_first_clash_that_is_not_over_is_named(person: UUID) -> None:
    weekly = {
        "first_day": TOMORROW - timedelta(days=14),
        "last_day": TOMORROW + timedelta(days=14),
        "weekdays": [TOMORROW.isoweekday()],
    }
    other, course = make_course(title="Knots"), make_course()
    for each in (other, course):
        make_meeting(cohort_of(each), **weekly)
    enrolled(person, other)
    clash = record_of(person, course).clashes[only_cohort(course)]
    assert (clash.title, clash.slug) == ("Knots", other.slug)
    assert clash.starts_at.date() == TOMORROW
    assert clash.ends_at - clash.starts_at == timedelta(hours=2)


def test_each_cohort_has_its_own_clash(person: UUID) -> None:
    other, course = make_course(), make_course()
    make_meeting(cohort_of(other))
    make_meeting(cohort_of(course), starts=time(9), ends=time(10))
    clashing = make_cohort(course)
    make_meeting(clashing)
    enrolled(person, other)
    assert set(record_of(person, course).clashes) == {clashing.pk}


def test_what_has_ended_or_is_given_up_clashes_with_nothing(person: UUID) -> None:
    other, course = make_course(), make_course()
    for each in (other, course):
        make_meeting(cohort_of(each))
    enrollment = enrolled(person, other)
    assert record_of(person, course).clashes
    assert not record_of(person, course, enrollment).clashes
    moved(enrollment, Stage.CANCELLED, ended_days_ago=0)
    assert not record_of(person, course).clashes


def test_anothers_enrollment_clashes_with_nothing(person: UUID) -> None:
    other, course = make_course(), make_course()
    for each in (other, course):
        make_meeting(cohort_of(each))
    enrolled(make_person().pk, other)
    assert not record_of(person, course).clashes


# --- overrides ------------------------------------------------------------------------------


def override(person: UUID, course: Course, *rules: str, **fields: object) -> None:
    later = clock.now() + timedelta(days=1)
    Override.objects.create(
        person_id=person,
        cohort_id=only_cohort(course),
        rules=list(rules),
        note="-",
        **{"expires_at": later, **fields},  # type: ignore[arg-type]
    )


def test_overrides_of_one_cohort_add_up(person: UUID) -> None:
    course = ruled()
    override(person, course, "age")
    override(person, course, "group", "age")
    assert record_of(person, course).excused == {only_cohort(course): {"age", "group"}}


def test_an_override_that_ran_out_or_was_revoked_or_is_anothers_excuses_nothing(
    person: UUID,
) -> None:
    course = ruled()
    override(person, course, "age", expires_at=clock.now() - timedelta(minutes=1))
    override(person, course, "age", revoked_at=clock.now())
    override(make_person().pk, course, "age")
    assert record_of(person, course).excused == {}


# --- cost -----------------------------------------------------------------------------------


def test_all_that_rules_ask_about_comes_in_one_query(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    course = ruled(category="Knots")
    CategoryLimit.objects.create(category="Knots", most=2)
    make_meeting(cohort_of(course))
    plan = catalog.find_course(course.pk)
    askings = [Asking(make_person().pk, plan) for _ in range(5)]
    with django_assert_num_queries(1):
        standings.read(askings)


def test_among_many_enrollments_a_persons_own_are_found_by_index(person: UUID) -> None:
    course, other = make_course(), make_course(capacity=None)
    for each in (course, other):
        make_meeting(cohort_of(each))
    crowd(other)
    enrolled(person, other)
    plan = catalog.find_course(course.pk)
    askings = [Asking(person, plan), *(Asking(make_person().pk, plan) for _ in range(20))]
    with reads_of("enrollments_enrollment") as enrollments, reads_of("catalog_timetable") as times:
        found = standings.read(askings)
    assert found[0].standing.record is not None
    assert found[0].standing.record.clashes
    assert (enrollments.table_scans, times.rows < 200) == (0, True)
    assert enrollments.rows < 200
