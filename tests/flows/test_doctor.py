"""The doctor names each broken promise, and mends only what is safe to mend."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

import pytest
from django.db import connection
from django.db.models.functions import Now

from matricula.catalog.models import Course
from matricula.enrollments.models import Enrollment
from matricula.flows import doctor
from matricula.flows.support import Question, answer, ask
from matricula.flows.webhooks import make_secret
from matricula.kernel import failures, ids
from matricula.kernel.models import Event, Outbox, RememberedAnswer
from matricula.notifications.models import Delivery
from matricula.notifications.models import Message as Told
from matricula.seats.models import Hold, SeatCount
from matricula.support.models import Conversation, Message
from matricula.support.states import Channel
from matricula.webhooks.models import Delivery as WebhookDelivery
from matricula.webhooks.models import Endpoint
from tests.flows.conftest import given
from tests.flows.test_doctor_of_money import BROKEN as BROKEN_MONEY
from tests.flows.test_doctor_of_rules import BROKEN as BROKEN_RULES
from tests.flows.test_doctor_of_waitlists import BROKEN as BROKEN_WAITLISTS
from tests.support.factories import make_course, make_person, only_cohort
from tests.waitingroom.test_doctor import BROKEN as BROKEN_LINES

Broken = Callable[[UUID, UUID], str]  # an enrollment and its cohort; what the finding must name


@pytest.fixture
def confirmed(person: UUID, course: Course) -> UUID:
    return given(person, course)


def sql(statement: str, *params: object) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, params or None)


def oversell(enrollment: UUID, cohort: UUID) -> str:
    sql("SET CONSTRAINTS ALL IMMEDIATE")
    sql("ALTER TABLE seats_seatcount DROP CONSTRAINT never_oversold")
    SeatCount.objects.filter(pk=cohort).update(capacity=0)
    return str(cohort)


def miscount_sold(enrollment: UUID, cohort: UUID) -> str:
    SeatCount.objects.filter(pk=cohort).update(sold=2)
    return str(cohort)


def miscount_held(enrollment: UUID, cohort: UUID) -> str:
    SeatCount.objects.filter(pk=cohort).update(held=1)
    return str(cohort)


def lose_hold(enrollment: UUID, cohort: UUID) -> str:
    Hold.objects.filter(key=enrollment).delete()
    SeatCount.objects.filter(pk=cohort).update(sold=0)
    return str(enrollment)


def sell_to_nobody(enrollment: UUID, cohort: UUID) -> str:
    stray = ids.new_id()
    Hold.objects.create(seats_id=cohort, person_id=make_person().pk, key=stray, state="sold")
    SeatCount.objects.filter(pk=cohort).update(sold=2)
    return str(stray)


def double(enrollment: UUID, cohort: UUID) -> str:
    sql("SET CONSTRAINTS ALL IMMEDIATE")
    sql("DROP INDEX one_live_enrollment")
    first = Enrollment.objects.get(pk=enrollment)
    first.pk = ids.new_id()
    first.save(force_insert=True)
    return str(first.person_id)


def skip_a_number(enrollment: UUID, cohort: UUID) -> str:
    stray = ids.new_id()
    sql(
        "INSERT INTO kernel_event (id, type, subject, subject_seq, correlation_id, data)"
        " VALUES (%s, 'message.sent', %s, 2, '', '{}')",
        ids.new_id(),
        stray,
    )
    return str(stray)


def change_silently(enrollment: UUID, cohort: UUID) -> str:
    Enrollment.objects.filter(pk=enrollment).update(stage="failed")
    Hold.objects.filter(key=enrollment).update(state="released")
    SeatCount.objects.filter(pk=cohort).update(sold=0)
    return str(enrollment)


def forget_to_sweep(enrollment: UUID, cohort: UUID) -> str:
    key = given(make_person().pk, Course.objects.get(cohorts=cohort), 60)
    late = Now() - timedelta(minutes=2)
    Hold.objects.filter(key=key).update(expires_at=late)
    return str(key)


def set_work_aside(enrollment: UUID, cohort: UUID) -> str:
    failures.set_aside("events", "4711", "KeyError: poison", 8)
    return "events: 4711"


def fail_a_job(enrollment: UUID, cohort: UUID) -> str:
    sql(
        "INSERT INTO procrastinate_jobs (queue_name, task_name, args, status)"
        " VALUES ('default', 'of.a.former.release', '{}', 'failed')"
    )
    return "of.a.former.release"


def leave_unsent(enrollment: UUID, cohort: UUID) -> str:
    sql(
        "INSERT INTO kernel_event (id, type, subject, subject_seq, correlation_id, data, at)"
        " VALUES (%s, 'message.failed', %s, 1, '', '{}', now() - interval '2 minutes')",
        ids.new_id(),
        ids.new_id(),
    )
    sql("INSERT INTO kernel_outbox SELECT max(seq) FROM kernel_event")
    return "message.failed"


def owe_nothing_known(enrollment: UUID, cohort: UUID) -> str:
    Outbox.objects.create(event_seq=2**60)
    return "event"


def leave_mail_unsent(enrollment: UUID, cohort: UUID) -> str:
    mail = Delivery.objects.create(kind="other", address="a@b.org", content={})
    Delivery.objects.update(due_at=Now() - timedelta(hours=2))
    return str(mail.pk)


def tell_nobody(enrollment: UUID, cohort: UUID) -> str:
    told = make_person()
    Told.objects.create(
        id=ids.new_id(),
        person=told,
        kind="other",
        event_id=ids.new_id(),
        heading="x",
        summary="x",
        created_at=Now() - timedelta(days=2),
    )
    person = Enrollment.objects.get(pk=enrollment).person_id
    long_ago = Event.objects.create(
        id=ids.new_id(),
        type="enrollment.confirmed",
        subject=ids.new_id(),
        subject_seq=1,
        person=person,
        at=Now() - timedelta(hours=1),
        data={},
    )
    return str(long_ago.seq)


def half_remember(enrollment: UUID, cohort: UUID) -> str:
    RememberedAnswer.objects.create(
        owner=ids.new_id(), key="half an answer", fingerprint="", status=201, body=None
    )
    return "half an answer"


def reserve_for_ever(enrollment: UUID, cohort: UUID) -> str:
    RememberedAnswer.objects.create(owner=ids.new_id(), key="no lease", fingerprint="")
    return "no lease"


def talk() -> UUID:
    return ask(make_person().pk, Question("Hello", Channel.FORM)).conversation_id


def lose_a_message(enrollment: UUID, cohort: UUID) -> str:
    broken = talk()
    Message.objects.filter(conversation=broken).delete()
    return str(broken)


def close_silently(enrollment: UUID, cohort: UUID) -> str:
    broken = talk()
    Conversation.objects.filter(pk=broken).update(state="closed", closed_at=Now())
    return str(broken)


def answer_unmailed(enrollment: UUID, cohort: UUID) -> str:
    broken = talk()
    answer(broken, make_person().pk, "Hello to you")
    Message.objects.filter(conversation=broken).update(mail_id="")
    return str(broken)


def lose_the_answers_mail(enrollment: UUID, cohort: UUID) -> str:
    broken = talk()
    answer(broken, make_person().pk, "Hello to you")
    header = Message.objects.get(conversation=broken, author="staff").mail_id
    Delivery.objects.filter(message_id_header=header).delete()
    return str(broken)


def forget_to_deliver(enrollment: UUID, cohort: UUID) -> str:
    endpoint = Endpoint.objects.create(url="https://example.org", types=[], notify="a@b.org")
    make_secret(endpoint.pk, make_person().pk)
    late = Now() - timedelta(minutes=11)
    stuck = WebhookDelivery.objects.create(
        endpoint=endpoint, type="webhook.test", subject=ids.new_id(), next_try_at=late
    )
    return str(stuck.pk)


def lose_the_secret(enrollment: UUID, cohort: UUID) -> str:
    endpoint = Endpoint.objects.create(
        url="https://example.org", types=[], notify="a@b.org", state="active"
    )
    return str(endpoint.pk)


BROKEN: list[tuple[str, Broken]] = [
    ("deliveries", forget_to_deliver),
    ("deliveries", lose_the_secret),
    ("conversations", lose_a_message),
    ("conversations", close_silently),
    ("support_mail", answer_unmailed),
    ("support_mail", lose_the_answers_mail),
    ("oversold", oversell),
    ("seat_counts", miscount_sold),
    ("seat_counts", miscount_held),
    ("seats", lose_hold),
    ("seats", sell_to_nobody),
    ("doubled", double),
    ("event_gaps", skip_a_number),
    ("event_states", change_silently),
    ("overdue_holds", forget_to_sweep),
    ("unsent", leave_unsent),
    ("unsent", owe_nothing_known),
    ("unsent_mail", leave_mail_unsent),
    ("failed_work", set_work_aside),
    ("failed_work", fail_a_job),
    ("untold", tell_nobody),
    ("forgotten_keys", half_remember),
    ("forgotten_keys", reserve_for_ever),
]


def name_of(part: object) -> str:
    return getattr(part, "__name__", str(part))


def test_a_sound_database_has_no_findings(confirmed: UUID, course: Course) -> None:
    given(make_person().pk, course, 60)
    assert doctor.examine() == []


@pytest.mark.parametrize(("check", "break_it"), BROKEN, ids=name_of)
def test_each_broken_promise_is_named_with_its_ids(
    confirmed: UUID, course: Course, check: str, break_it: Broken
) -> None:
    named = break_it(confirmed, only_cohort(course))
    findings = [finding for finding in doctor.examine() if finding.check == check]
    assert len(findings) == 1
    assert named in findings[0].detail
    assert not findings[0].repaired


def test_every_check_has_a_test() -> None:
    known = [*BROKEN, *BROKEN_MONEY, *BROKEN_LINES, *BROKEN_RULES, *BROKEN_WAITLISTS]
    # In tests/taxids and test_outside.py.
    elsewhere = {"unproven_reverse_charge", "unassigned_refunds"}
    broken = {name for name, _ in known} | elsewhere
    assert {check.name for check in doctor.CHECKS} == broken


def test_a_repair_mends_counters(confirmed: UUID, course: Course) -> None:
    cohort = only_cohort(course)
    SeatCount.objects.filter(pk=cohort).update(held=1, sold=2)
    (finding,) = doctor.examine(repair=True)
    assert finding.repaired
    assert "(repaired)" in str(finding)
    assert SeatCount.objects.values_list("held", "sold").get(pk=cohort) == (0, 1)
    assert doctor.examine() == []


@pytest.mark.parametrize(
    ("check", "break_it"),
    [entry for entry in BROKEN if entry[0] != "seat_counts"],
    ids=name_of,
)
def test_a_repair_leaves_everything_but_counters_as_it_is(
    confirmed: UUID, course: Course, check: str, break_it: Broken
) -> None:
    break_it(confirmed, only_cohort(course))
    before = [str(finding) for finding in doctor.examine()]
    assert [str(finding) for finding in doctor.examine(repair=True)] == before


def test_a_ledger_beyond_the_capacity_is_left_to_a_person_and_the_rest_is_mended(
    confirmed: UUID, course: Course
) -> None:
    sound, overfull = only_cohort(course), only_cohort(make_course(capacity=0))
    Hold.objects.create(
        seats_id=overfull, person_id=make_person().pk, key=ids.new_id(), state="sold"
    )
    SeatCount.objects.filter(pk=sound).update(sold=2)
    findings = [f for f in doctor.examine(repair=True) if f.check == "seat_counts"]
    assert {str(sound) in f.detail: f.repaired for f in findings} == {True: True, False: False}


def test_at_most_a_hundred_findings_a_check_are_shown(db: None) -> None:
    Outbox.objects.bulk_create(Outbox(event_seq=2**60 + n) for n in range(150))
    assert len([f for f in doctor.examine() if f.check == "unsent"]) == doctor.MOST_SHOWN
