"""What happens is told to those it concerns, once, in words that are true."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from django.conf import LazySettings
from django.db import connection
from django.utils import translation

from matricula.accounts.models import Person
from matricula.catalog.models import Cohort, Course
from matricula.enrollments.models import Enrollment
from matricula.flows import cancel, doctor, expire, remind, tell
from matricula.flows.swap import swap
from matricula.kernel import clock
from matricula.kernel.models import Event
from matricula.notifications import actions, sending
from matricula.notifications.kinds import Category
from matricula.notifications.models import Delivery, Message
from matricula.payments.models import StaffTask
from matricula.seats.models import Hold
from tests.flows.conftest import given
from tests.support.factories import make_cohort, make_person
from tests.support.paying import checkout
from tests.support.plans import reads_of, without_triggers
from tests.support.sandbox import Sandbox

pytestmark = pytest.mark.django_db


def tell_all() -> int:
    return tell.tell(Event.objects.filter(type__in=tell.TOLD_TYPES).values_list("seq", flat=True))


def kinds_of(person_id: UUID) -> list[str]:
    rows = Message.objects.filter(person=person_id).order_by("created_at", "kind")
    return list(rows.values_list("kind", flat=True))


def mail_of(person_id: UUID, kind: str) -> Delivery:
    return Delivery.objects.get(person=person_id, kind=kind)


def text_of(row: Delivery) -> str:
    assert row.content is not None
    return str(row.content["text"])


def later(enrollment: UUID, **changes: object) -> None:
    Enrollment.objects.filter(pk=enrollment).update(**changes)


def hold_ends_soon(enrollment: UUID, *, held_for: timedelta) -> None:
    Hold.objects.filter(key=enrollment).update(
        created_at=clock.now() - held_for, expires_at=clock.now() + timedelta(minutes=5)
    )
    later(enrollment, hold_expires_at=clock.now() + timedelta(minutes=5))


def test_an_enrollment_is_confirmed_once_however_often_it_is_told(
    person: UUID, course: Course
) -> None:
    given(person, course)
    assert tell_all() >= 1
    assert tell_all() == 0
    assert kinds_of(person) == ["enrollment_confirmed"]
    row = mail_of(person, "enrollment_confirmed")
    assert course.title in row.subject
    assert f"/learn/{course.slug}/" in text_of(row)


def test_a_letter_speaks_its_readers_language(person: UUID, course: Course) -> None:
    Person.objects.filter(pk=person).update(language="ar")
    given(person, course)
    with translation.override("en"):
        tell_all()
    row = mail_of(person, "enrollment_confirmed")
    assert row.content is not None
    assert 'lang="ar" dir="rtl"' in row.content["html"]


def test_a_name_is_data_and_never_markup(course: Course) -> None:
    person = make_person(full_name="<b>Bo</b> & Co")
    given(person.pk, course)
    tell_all()
    row = mail_of(person.pk, "enrollment_confirmed")
    assert row.content is not None
    assert "&lt;b&gt;Bo&lt;/b&gt; &amp; Co" in row.content["html"]
    assert "<b>Bo</b> & Co" in row.content["text"]


def test_a_closed_account_is_written_nothing(person: UUID, course: Course) -> None:
    given(person, course)
    Person.objects.filter(pk=person).update(is_active=False)
    tell_all()
    assert kinds_of(person) == []


def test_the_end_of_an_enrollment_is_told_with_its_reason(person: UUID, course: Course) -> None:
    enrollment = given(person, course)
    cancel.cancel(enrollment, person, actor_id=make_person().pk, reason="The room burnt down.")
    tell_all()
    assert "The room burnt down." in text_of(mail_of(person, "enrollment_cancelled"))


def test_a_swap_is_told_in_one_letter_about_the_new_seat(person: UUID, course: Course) -> None:
    enrollment = given(person, course)
    tell_all()
    swap(enrollment, person, make_cohort(course, name="Mornings").pk, actor_id=person)
    tell_all()
    assert kinds_of(person) == ["enrollment_confirmed", "enrollment_confirmed"]
    last = Delivery.objects.filter(person=person).latest("created_at")
    assert "takes the place of the seat you had" in text_of(last)
    assert "Mornings" in text_of(last)


def test_who_gives_up_an_unpaid_seat_is_not_written_to(held: UUID, person: UUID) -> None:
    cancel.cancel(held, person, actor_id=person)
    tell_all()
    assert kinds_of(person) == []


def test_a_seat_that_is_no_longer_held_is_told_with_the_way_back(
    held: UUID, person: UUID, course: Course
) -> None:
    Hold.objects.filter(key=held).update(expires_at=clock.now() - timedelta(minutes=1))
    later(held, hold_expires_at=clock.now() - timedelta(minutes=1))
    expire.expire_due()
    tell_all()
    assert f"/courses/{course.slug}/" in text_of(mail_of(person, "enrollment_expired"))


def test_a_payment_is_receipted_with_its_invoice(sandbox: Sandbox) -> None:
    buyer = checkout(sandbox, coupon="SAVE50")
    buyer.hand_back(buyer.pay())
    tell_all()
    assert set(kinds_of(buyer.person_id)) == {"enrollment_confirmed", "receipt"}
    row = mail_of(buyer.person_id, "receipt")
    assert row.content is not None
    ((name, source, reference),) = row.content["attachments"]
    made, media_type = sending._makers[source](reference)
    assert (name[-4:], media_type, made[:5]) == (".pdf", "application/pdf", b"%PDF-")
    assert "1,769.42" in text_of(row)
    assert doctor.examine() == []


def test_a_failed_payment_is_told_later_and_only_while_it_is_true(sandbox: Sandbox) -> None:
    buyer = checkout(sandbox)
    failed = buyer.pay(vpa="failure@razorpay")
    from matricula.flows import settle

    settle.settle("razorpay", failed["error"]["metadata"]["payment_id"])
    tell_all()
    row = mail_of(buyer.person_id, "payment_failed")
    assert row.due_at > clock.now()
    assert sending._still_true["payment_failed"](row) is True
    buyer.hand_back(buyer.pay())
    assert sending._still_true["payment_failed"](row) is False


def test_a_hold_that_ends_is_told_once(held: UUID, person: UUID) -> None:
    later(held, stage="payment_pending")
    hold_ends_soon(held, held_for=timedelta(minutes=25))
    assert [remind.tell_ending_holds(), remind.tell_ending_holds()] == [1, 0]
    assert kinds_of(person) == ["hold_ending"]


def test_a_short_hold_is_not_warned_of(held: UUID) -> None:
    later(held, stage="payment_pending", requested_at=clock.now() - timedelta(hours=3))
    hold_ends_soon(held, held_for=timedelta(minutes=1))
    assert remind.tell_ending_holds() == 0


def test_a_course_that_begins_tomorrow_is_told_once(person: UUID, course: Course) -> None:
    enrollment = given(person, course)
    later(enrollment, confirmed_at=clock.now() - timedelta(days=3))
    Cohort.objects.filter(course=course).update(starts_at=clock.now() + timedelta(hours=20))
    assert [remind.tell_starting_courses(), remind.tell_starting_courses()] == [1, 0]


def test_a_start_that_moved_is_reminded_of_again(person: UUID, course: Course) -> None:
    enrollment = given(person, course)
    later(enrollment, confirmed_at=clock.now() - timedelta(days=3))
    for hours, told in ((20, [1, 0]), (72, [0, 0]), (22, [1, 0])):
        Cohort.objects.filter(course=course).update(starts_at=clock.now() + timedelta(hours=hours))
        assert [remind.tell_starting_courses(), remind.tell_starting_courses()] == told
    assert kinds_of(person).count("course_starting") == 2


@pytest.mark.parametrize(("hours_ago", "told"), [(2, 0), (30, 1)])
def test_a_reminder_of_an_older_release_counts_for_a_day(
    person: UUID, course: Course, hours_ago: int, told: int
) -> None:
    enrollment = given(person, course)
    later(enrollment, confirmed_at=clock.now() - timedelta(days=3))
    Message.objects.create(
        id=uuid4(),
        person_id=person,
        kind="course_starting",
        event_id=enrollment,
        heading="Your course begins soon",
        created_at=clock.now() - timedelta(hours=hours_ago),
    )
    Cohort.objects.filter(course=course).update(starts_at=clock.now() + timedelta(hours=20))
    assert remind.tell_starting_courses() == told


@pytest.fixture
def unfinished(sandbox: Sandbox) -> UUID:
    """A checkout that expired unpaid an hour ago; its person."""
    buyer = checkout(sandbox)
    buyer.order.__class__.objects.filter(pk=buyer.order_id).update(state="expired")
    later(buyer.enrollment_id, stage="expired", requested_at=clock.now() - timedelta(minutes=70))
    return buyer.person_id


def test_nobody_is_reminded_who_did_not_ask_for_it(unfinished: UUID) -> None:
    assert remind.tell_unfinished_checkouts() == 0


def test_who_asked_for_it_is_reminded_after_an_hour_and_after_a_day(unfinished: UUID) -> None:
    actions.set_preference(unfinished, Category.REMINDER, wants_mail=True)
    assert [remind.tell_unfinished_checkouts() for _ in range(2)] == [1, 0]
    row = mail_of(unfinished, "checkout_waiting")
    assert row.content is not None
    assert "List-Unsubscribe" in row.content["headers"]
    Enrollment.objects.filter(person=unfinished).update(
        requested_at=clock.now() - timedelta(hours=25)
    )
    assert [remind.tell_unfinished_checkouts() for _ in range(2)] == [1, 0]
    assert kinds_of(unfinished) == ["checkout_waiting", "checkout_waiting"]


def test_who_has_begun_again_is_not_reminded(sandbox: Sandbox, unfinished: UUID) -> None:
    actions.set_preference(unfinished, Category.REMINDER, wants_mail=True)
    remind.tell_unfinished_checkouts()
    row = mail_of(unfinished, "checkout_waiting")
    assert sending._still_true["checkout_waiting"](row) is True
    checkout(sandbox, who=unfinished)
    assert sending._still_true["checkout_waiting"](row) is False


def test_who_turns_reminders_off_is_not_sent_the_one_that_waits(unfinished: UUID) -> None:
    actions.set_preference(unfinished, Category.REMINDER, wants_mail=True)
    remind.tell_unfinished_checkouts()
    row = mail_of(unfinished, "checkout_waiting")
    actions.set_preference(unfinished, Category.REMINDER, wants_mail=False)
    assert sending._still_true["checkout_waiting"](row) is False


def test_who_began_again_and_gave_it_up_is_not_reminded(sandbox: Sandbox, unfinished: UUID) -> None:
    actions.set_preference(unfinished, Category.REMINDER, wants_mail=True)
    again = checkout(sandbox, who=unfinished)
    cancel.cancel(again.enrollment_id, unfinished, actor_id=unfinished)
    assert remind.tell_unfinished_checkouts() == 0


def test_a_site_chooses_its_own_hours(settings: LazySettings, unfinished: UUID) -> None:
    mail = replace(settings.ENVIRONMENT.mail, reminder_hours=(2, 30, 60))
    settings.ENVIRONMENT = replace(settings.ENVIRONMENT, mail=mail)
    actions.set_preference(unfinished, Category.REMINDER, wants_mail=True)
    said = []
    for hours in (1, 3, 31, 61, 90):
        Enrollment.objects.filter(person=unfinished).update(
            requested_at=clock.now() - timedelta(hours=hours)
        )
        said += [remind.tell_unfinished_checkouts() for _ in range(2)]
    assert said == [0, 0, 1, 0, 1, 0, 1, 0, 0, 0]


def test_reminders_can_be_turned_off_for_the_site(settings: LazySettings, unfinished: UUID) -> None:
    mail = replace(settings.ENVIRONMENT.mail, reminders="off")
    settings.ENVIRONMENT = replace(settings.ENVIRONMENT, mail=mail)
    actions.set_preference(unfinished, Category.REMINDER, wants_mail=True)
    assert remind.tell_unfinished_checkouts() == 0


def test_staff_who_may_see_tasks_are_told_of_new_ones() -> None:
    boss = make_person(is_staff=True, is_superuser=True)
    make_person(is_staff=True)  # sees no tasks
    StaffTask.objects.create(kind="quarantine", cause="pay_1", detail="It does not fit.")
    remind.tell_staff()
    assert remind.tell_staff() == 0
    assert kinds_of(boss.pk) == ["staff_task"]


def test_a_confirmation_whose_job_was_lost_is_told_after_all(person: UUID, course: Course) -> None:
    given(make_person().pk, course)
    tell_all()
    given(person, course)
    Message.objects.update(created_at=clock.now() - timedelta(days=1))
    with connection.cursor() as cursor:  # the log itself refuses to be changed
        cursor.execute("ALTER TABLE kernel_event DISABLE TRIGGER USER")
        Event.objects.filter(person=person).update(at=clock.now() - timedelta(hours=1))
        cursor.execute("ALTER TABLE kernel_event ENABLE TRIGGER USER")
        cursor.execute("DELETE FROM kernel_outbox")
    assert tell.tell_missing() == 1
    assert kinds_of(person) == ["enrollment_confirmed"]


def test_what_nobody_was_told_is_looked_for_among_the_last_days_only() -> None:
    person = make_person()
    tell.tell_missing()
    with without_triggers(), connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO kernel_event (id, type, subject, subject_seq, person, correlation_id, at,"
            " data) SELECT new_uuid7(), 'enrollment.confirmed', gen_random_uuid(), 1, %s, '',"
            " now() - interval '40 days', '{}' FROM generate_series(1, 40000)",
            [person.pk],
        )
        cursor.execute("SELECT brin_summarize_new_values('event_by_time')")
        cursor.execute("ANALYZE kernel_event")
    with reads_of("kernel_event") as reads:
        tell.tell_missing()
    assert (reads.table_scans, reads.indexes) == (0, {"event_by_time"})
