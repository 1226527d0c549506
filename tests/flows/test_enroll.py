"""Enrolling: what a person gets, and each reason to refuse."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest
from django.db import IntegrityError, transaction
from pytest_django import DjangoAssertNumQueries

from matricula.accounts.errors import EmailUnverified
from matricula.accounts.models import Person
from matricula.catalog.models import Course, CourseStatus
from matricula.enrollments import errors
from matricula.enrollments.models import Enrollment
from matricula.enrollments.states import Stage
from matricula.flows.enroll import AlreadyAnswered, Application, Keyed, Receipt, enroll
from matricula.kernel import clock, ids
from matricula.kernel.errors import (
    AuthenticationRequired,
    DomainError,
    IdempotencyMismatch,
    NotFound,
)
from matricula.kernel.models import RememberedAnswer
from matricula.pricing.errors import CouponInvalid
from matricula.seats.errors import CourseFull
from matricula.seats.models import Hold, SeatCount
from tests.flows.conftest import asked, given, told
from tests.support.claims import Wish, outcomes
from tests.support.factories import (
    complete,
    make_cohort,
    make_course,
    make_person,
    only_cohort,
)


def keyed(key: str = "the key", fingerprint: str = "the request") -> Keyed:
    return Keyed(key, fingerprint, write=lambda receipt: f"body of {receipt.enrollment_id}")


def test_enrolling_sells_the_seat_and_confirms(person: UUID, course: Course) -> None:
    receipt = enroll(Application(person, course.slug))
    enrollment = Enrollment.objects.get(pk=receipt.enrollment_id)
    assert (receipt.stage, receipt.is_new) == (Stage.CONFIRMED, True)
    assert (enrollment.stage, enrollment.person_id) == ("confirmed", person)
    assert enrollment.confirmed_at is not None
    assert Hold.objects.get(key=enrollment.pk).state == "sold"


def test_enrolling_tells_what_happened_in_order(person: UUID, course: Course) -> None:
    receipt = enroll(Application(person, course.slug))
    assert told(receipt.enrollment_id) == [
        "enrollment.requested",
        "enrollment.confirmed",
        "access.granted",
    ]


def test_holding_tells_what_happened_in_order(held: UUID) -> None:
    assert told(held) == ["enrollment.requested", "enrollment.held"]


def test_enrolling_takes_four_queries_and_one_to_get_to_know_the_course(
    person: UUID, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    course, other = make_course(), make_person().pk
    with django_assert_num_queries(5):
        enroll(Application(person, course.slug), keyed())
    with django_assert_num_queries(4):
        enroll(Application(other, course.slug), keyed())


@pytest.mark.parametrize("kind", ["slug", "id", "typeid"])
def test_a_course_is_named_by_slug_or_id(person: UUID, course: Course, kind: str) -> None:
    name = {"slug": course.slug, "id": course.pk, "typeid": ids.to_text("crs", course.pk)}[kind]
    assert enroll(Application(person, name)).course.id == course.pk


def test_what_the_client_sent_along_is_kept(person: UUID, course: Course) -> None:
    receipt = enroll(Application(person, course.slug, metadata={"campaign": "spring"}))
    assert Enrollment.objects.get(pk=receipt.enrollment_id).metadata == {"campaign": "spring"}


def test_access_ends_after_the_days_of_the_course(person: UUID) -> None:
    course = make_course(access_days=30)
    receipt = enroll(Application(person, course.slug))
    enrollment = Enrollment.objects.get(pk=receipt.enrollment_id)
    assert enrollment.access_expires_at is not None
    assert enrollment.confirmed_at is not None
    assert enrollment.access_expires_at - enrollment.confirmed_at == timedelta(days=30)


def test_the_named_cohort_is_taken(person: UUID, course: Course) -> None:
    later = make_cohort(course, capacity=1)
    receipt = enroll(Application(person, cohort_id=later.pk))
    assert Enrollment.objects.get(pk=receipt.enrollment_id).cohort_id == later.pk


def test_naming_only_the_course_takes_a_cohort_with_seats(person: UUID) -> None:
    course = make_course(capacity=0)
    free = make_cohort(course, capacity=1)
    receipt = enroll(Application(person, course.slug))
    assert Enrollment.objects.get(pk=receipt.enrollment_id).cohort_id == free.pk


def refused(person: UUID, application: Application) -> DomainError:
    before = Enrollment.objects.count(), Hold.objects.count()
    with pytest.raises(DomainError) as caught:
        enroll(application)
    assert (Enrollment.objects.count(), Hold.objects.count()) == before
    return caught.value


def test_a_full_course_is_refused_with_alternatives(person: UUID) -> None:
    full = make_course(capacity=0, category="Knots")
    near = make_course(capacity=1, category="Knots")
    error = refused(person, Application(person, full.slug))
    assert isinstance(error, CourseFull)
    assert error.guidance.alternatives[0]["slug"] == near.slug


def test_a_course_that_fills_up_after_the_decision_is_full(person: UUID, course: Course) -> None:
    """The claim decides again: here the counter is gone, which the decision cannot know of."""
    wish = Wish(person, course.pk, ids.new_id())
    assert outcomes(asked([wish])) == ["unknown_cohort"]
    assert not Enrollment.objects.filter(person=person).exists()


def test_a_course_of_which_one_is_enrolled_is_refused_with_the_enrollment(
    person: UUID, course: Course
) -> None:
    first = given(person, course)
    error = refused(person, Application(person, course.slug))
    assert isinstance(error, errors.AlreadyEnrolled)
    assert error.guidance.extra == {"enrollment_id": ids.to_text("enr", first)}


def test_being_enrolled_in_one_cohort_refuses_the_others(person: UUID, course: Course) -> None:
    given(person, course)
    other = make_cohort(course)
    error = refused(person, Application(person, cohort_id=other.pk))
    assert isinstance(error, errors.AlreadyEnrolled)


def test_a_pending_enrollment_is_handed_out_again(person: UUID) -> None:
    course = make_course(capacity=3, price=100_000)
    first = enroll(Application(person, course.slug))
    receipt = enroll(Application(person, course.slug))
    assert (receipt.enrollment_id, receipt.is_new) == (first.enrollment_id, False)
    assert receipt.hold_expires_at == first.hold_expires_at
    assert SeatCount.objects.get(pk=only_cohort(course)).held == 1


def test_a_seat_held_already_is_completed(person: UUID, course: Course, held: UUID) -> None:
    receipt = enroll(Application(person, course.slug))
    assert (receipt.enrollment_id, receipt.is_new) == (held, False)
    assert Enrollment.objects.get(pk=held).stage == "confirmed"
    assert SeatCount.objects.get(pk=only_cohort(course)).sold == 1


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (CourseStatus.DRAFT, NotFound),
        (CourseStatus.COMING_SOON, errors.CourseNotAvailable),
        (CourseStatus.ARCHIVED, errors.CourseNotAvailable),
    ],
)
def test_only_a_published_course_can_be_enrolled_in(
    person: UUID, status: CourseStatus, reason: type[DomainError]
) -> None:
    course = make_course(status=status)
    assert isinstance(refused(person, Application(person, course.slug)), reason)
    assert isinstance(refused(person, Application(person, cohort_id=only_cohort(course))), reason)


def test_a_course_without_cohort_is_not_available(person: UUID) -> None:
    course = make_course(with_cohort=False)
    error = refused(person, Application(person, course.slug))
    assert isinstance(error, errors.CourseNotAvailable)


def test_before_the_window_registration_is_not_open(person: UUID) -> None:
    course = make_course(with_cohort=False)
    make_cohort(course, opens_at=clock.now() + timedelta(hours=1))
    error = refused(person, Application(person, course.slug))
    assert isinstance(error, errors.RegistrationNotOpen)


def test_after_the_window_registration_is_closed(person: UUID) -> None:
    course = make_course(with_cohort=False)
    make_cohort(course, closes_at=clock.now() - timedelta(hours=1))
    error = refused(person, Application(person, course.slug))
    assert isinstance(error, errors.RegistrationClosed)


def test_a_missing_prerequisite_is_named(person: UUID) -> None:
    basics = make_course(title="The Basics")
    course = make_course(prerequisites=(basics,))
    error = refused(person, Application(person, course.slug))
    assert isinstance(error, errors.PrerequisitesNotMet)
    assert "The Basics" in error.detail


def test_a_completed_prerequisite_opens_the_course(db: None) -> None:
    person, basics = make_person(), make_course()
    complete(person, basics)
    course = make_course(prerequisites=(basics,))
    assert enroll(Application(person.pk, course.slug)).is_new


def test_a_paid_course_cannot_be_had_where_nobody_can_pay(
    person: UUID, without_payment: None
) -> None:
    error = refused(person, Application(person, make_course(price=10_000).slug))
    assert isinstance(error, errors.PaymentRequired)


def test_no_coupon_is_valid_for_a_free_course(person: UUID, course: Course) -> None:
    error = refused(person, Application(person, course.slug, coupon_code="ANY"))
    assert isinstance(error, CouponInvalid)


@pytest.mark.parametrize("name", ["no-such-course", "crs_nothing", ""])
def test_an_unknown_course_is_not_found(person: UUID, name: str) -> None:
    assert isinstance(refused(person, Application(person, name)), NotFound)


def test_naming_nothing_is_not_found(person: UUID) -> None:
    assert isinstance(refused(person, Application(person)), NotFound)


def test_an_unknown_cohort_is_not_found(person: UUID) -> None:
    assert isinstance(refused(person, Application(person, cohort_id=ids.new_id())), NotFound)


def test_a_person_who_is_gone_must_sign_in_anew(course: Course) -> None:
    gone = ids.new_id()
    error = refused(gone, Application(gone, course.slug))
    assert isinstance(error, AuthenticationRequired)


def test_a_person_who_may_not_sign_in_is_refused(person: UUID, course: Course) -> None:
    Person.objects.filter(pk=person).update(is_active=False)
    error = refused(person, Application(person, course.slug))
    assert isinstance(error, AuthenticationRequired)


def test_where_addresses_must_be_confirmed_an_unconfirmed_person_is_refused(
    person: UUID, course: Course, settings: object
) -> None:
    settings.ACCOUNT_EMAIL_VERIFICATION = "mandatory"  # type: ignore[attr-defined]
    error = refused(person, Application(person, course.slug))
    assert isinstance(error, EmailUnverified)


def test_a_key_sent_again_is_answered_as_the_first_time(person: UUID, course: Course) -> None:
    receipt = enroll(Application(person, course.slug), keyed())
    with pytest.raises(AlreadyAnswered) as caught:
        enroll(Application(person, course.slug), keyed())
    assert caught.value.answer.status == 201
    assert caught.value.answer.body == f"body of {receipt.enrollment_id}"


def test_a_key_is_answered_even_after_the_enrollment_has_ended(
    person: UUID, course: Course
) -> None:
    receipt = enroll(Application(person, course.slug), keyed())
    Enrollment.objects.filter(pk=receipt.enrollment_id).update(stage="cancelled")
    with pytest.raises(AlreadyAnswered):
        enroll(Application(person, course.slug), keyed())


def test_a_key_sent_with_another_request_is_a_mismatch(person: UUID, course: Course) -> None:
    enroll(Application(person, course.slug), keyed())
    other = make_course()
    with pytest.raises(IdempotencyMismatch):
        enroll(Application(person, other.slug), keyed(fingerprint="another request"))
    assert Enrollment.objects.filter(person=person).count() == 1


def test_the_same_key_of_another_person_is_another_key(person: UUID, course: Course) -> None:
    enroll(Application(person, course.slug), keyed())
    assert isinstance(enroll(Application(make_person().pk, course.slug), keyed()), Receipt)


def test_a_held_seat_remembers_no_answer_yet(person: UUID, course: Course) -> None:
    wish = Wish(person, course.pk, only_cohort(course), hold_seconds=60, key="k")
    assert outcomes(asked([wish])) == ["held"]
    assert not RememberedAnswer.objects.filter(owner=person).exists()


def test_the_database_refuses_a_second_live_enrollment(person: UUID, course: Course) -> None:
    first = Enrollment.objects.get(pk=given(person, course))
    with pytest.raises(IntegrityError, match="one_live_enrollment"), transaction.atomic():
        Enrollment.objects.create(
            person_id=person,
            course=course,
            cohort_id=first.cohort_id,
            stage=Stage.VALIDATED,
        )
