"""Staff lets somebody past rules; and rules over several courses at once."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest

from matricula.accounts.models import Person
from matricula.catalog.models import CategoryLimit, Cohort, Course
from matricula.enrollments import errors
from matricula.enrollments.admission import Rule
from matricula.enrollments.models import Enrollment, Override
from matricula.flows import cart, overrides
from matricula.flows.cart import Wish
from matricula.flows.enroll import Application, enroll
from matricula.kernel import clock, events, ids
from matricula.kernel.errors import DomainError, IllegalState, NotFound, ValidationFailed
from matricula.seats.errors import CourseFull
from tests.flows.conftest import given, told
from tests.support.factories import make_course, make_meeting, make_person, only_cohort

pytestmark = pytest.mark.django_db
LATER = timedelta(hours=1)


@pytest.fixture
def staff() -> Person:
    return make_person(is_staff=True)


def let_in(person: UUID, course: Course, staff: Person, *rules: Rule) -> Override:
    return overrides.grant(
        person,
        only_cohort(course),
        rules,
        note="Talked to them.",
        expires_at=clock.now() + LATER,
        actor_id=staff.pk,
    )


def refused(person: UUID, course: Course) -> DomainError:
    with pytest.raises(DomainError) as caught:
        enroll(Application(person, course.slug))
    assert not Enrollment.objects.filter(person=person, course=course).exists()
    return caught.value


def demanding(**fields: object) -> Course:
    return make_course(email_domains=["corp.example"], **fields)  # type: ignore[arg-type]


def meeting(*courses: Course) -> None:
    for course in courses:
        make_meeting(Cohort.objects.get(course=course))


# --- overrides ------------------------------------------------------------------------------


@pytest.mark.parametrize("price", [None, 100_000])
def test_who_is_let_past_enrolls_and_the_enrollment_says_so(
    person: UUID, staff: Person, price: int | None
) -> None:
    course = demanding(price=price)
    refused(person, course)
    let_in(person, course, staff, Rule.EMAIL_DOMAIN)
    receipt = enroll(Application(person, course.slug))
    used = [e for e in events.of_subject(receipt.enrollment_id) if e.type == "override.used"]
    assert [event.data["rules"] for event in used] == [["email_domain"]]


def test_an_override_that_is_not_needed_is_not_noted(person: UUID, staff: Person) -> None:
    course = make_course()
    let_in(person, course, staff, Rule.AGE)
    assert "override.used" not in told(enroll(Application(person, course.slug)).enrollment_id)


def test_an_override_gives_no_seat(person: UUID, staff: Person) -> None:
    course = demanding(capacity=0)
    let_in(person, course, staff, Rule.EMAIL_DOMAIN)
    assert isinstance(refused(person, course), CourseFull)


def test_the_other_rules_stand(person: UUID, staff: Person) -> None:
    course = demanding(required_profile=["phone"])
    let_in(person, course, staff, Rule.EMAIL_DOMAIN)
    assert isinstance(refused(person, course), errors.ProfileIncomplete)


def test_a_revoked_override_lets_nobody_past_and_is_revoked_once(
    person: UUID, staff: Person
) -> None:
    course = demanding()
    made = let_in(person, course, staff, Rule.EMAIL_DOMAIN)
    overrides.revoke(made.pk, actor_id=staff.pk)
    assert isinstance(refused(person, course), errors.NotInAudience)
    with pytest.raises(IllegalState):
        overrides.revoke(made.pk, actor_id=staff.pk)


def test_granting_and_revoking_are_in_the_log_without_the_note(person: UUID, staff: Person) -> None:
    made = let_in(person, demanding(), staff, Rule.EMAIL_DOMAIN)
    overrides.revoke(made.pk, actor_id=staff.pk)
    found = events.of_subject(made.pk)
    assert [event.type for event in found] == ["override.granted", "override.revoked"]
    assert "Talked" not in str(found[0].data)


@pytest.mark.parametrize(
    ("rules", "note", "hours", "field"),
    [
        ([], "Why", 1, "rules"),
        ([Rule.AGE], "  ", 1, "note"),
        ([Rule.AGE], "Why", -1, "expires_at"),
    ],
)
def test_an_override_without_rule_note_or_time_is_refused(  # noqa: PLR0917
    person: UUID,
    staff: Person,
    course: Course,
    rules: list[Rule],
    note: str,
    hours: int,
    field: str,
) -> None:
    with pytest.raises(ValidationFailed) as caught:
        overrides.grant(
            person,
            only_cohort(course),
            rules,
            note=note,
            expires_at=clock.now() + timedelta(hours=hours),
            actor_id=staff.pk,
        )
    assert [entry.field for entry in caught.value.guidance.errors] == [field]
    assert not Override.objects.exists()


def test_an_unknown_cohort_is_not_found(person: UUID, staff: Person) -> None:
    with pytest.raises(NotFound):
        overrides.grant(
            person,
            ids.new_id(),
            [Rule.AGE],
            note="Why",
            expires_at=clock.now() + LATER,
            actor_id=staff.pk,
        )


# --- carts ----------------------------------------------------------------------------------


def buy(person: UUID, *courses: Course) -> list[str]:
    placed = cart.buy(person, [Wish(course.slug) for course in courses])
    rows = Enrollment.objects.in_bulk([claim.enrollment_id for claim in placed.claims])
    return [rows[claim.enrollment_id].course.slug for claim in placed.claims]


def test_courses_taken_at_the_same_time_are_bought_together(person: UUID) -> None:
    first, second = make_course(), make_course()
    first.corequisites.add(second)
    second.corequisites.add(first)
    assert isinstance(refused(person, first), errors.CorequisitesNotMet)
    assert buy(person, first, second) == [first.slug, second.slug]


def test_two_courses_of_a_cart_must_not_meet_at_the_same_time(person: UUID) -> None:
    first, second, third = make_course(title="Knots"), make_course(title="Bends"), make_course()
    meeting(first, second)
    with pytest.raises(errors.ScheduleConflict) as caught:
        buy(person, third, first, second)
    assert caught.value.detail.startswith("Knots: It meets at the same time as Bends")
    assert not Enrollment.objects.filter(person=person).exists()


def test_staff_may_excuse_a_clash_within_a_cart(person: UUID, staff: Person) -> None:
    first, second = make_course(), make_course()
    meeting(first, second)
    for course in (first, second):
        let_in(person, course, staff, Rule.SCHEDULE)
    assert len(buy(person, first, second)) == 2


def test_a_cart_counts_toward_the_limit_of_a_category(person: UUID) -> None:
    CategoryLimit.objects.create(category="Knots", most=2)
    courses = [make_course(category="Knots") for _ in range(3)]
    with pytest.raises(errors.LimitReached):
        buy(person, *courses)
    assert len(buy(person, *courses[:2])) == 2


def test_a_course_of_the_cart_must_not_clash_with_one_had_already(person: UUID) -> None:
    mine, wanted = make_course(), make_course()
    meeting(mine, wanted)
    given(person, mine)
    with pytest.raises(errors.ScheduleConflict):
        buy(person, wanted)
