"""People are reminded: a hold that ends, a course that starts, a checkout left unfinished. And
staff are told of what only they can decide.

Nothing happens at these moments, so no event owes them: periodic jobs look for them. Each is said
once, since a message's id follows from what it is about.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import pairwise
from uuid import UUID, uuid5

from django.conf import settings
from django.db.models import Exists, OuterRef, Q, QuerySet

from matricula.accounts import guests
from matricula.accounts.models import Person
from matricula.enrollments.models import Enrollment
from matricula.enrollments.states import LIVE, Stage
from matricula.flows import tell
from matricula.flows.letters import about, enrolling, staff
from matricula.flows.letters.about import About
from matricula.kernel import clock, failures
from matricula.kernel.failures import WorkQueue
from matricula.kernel.models import FailedWork
from matricula.notifications import actions, sending
from matricula.notifications.actions import Saying
from matricula.notifications.kinds import Category
from matricula.notifications.models import Delivery, Message, Preference
from matricula.orders.models import Order
from matricula.orders.states import OrderState
from matricula.payments.models import StaffTask
from matricula.seats.models import Hold
from matricula.seats.states import HoldState

BATCH = 200
HOLD_WARNING = timedelta(minutes=10)
COURSE_WARNING = timedelta(hours=24)
# After the last reminder's time, in case the worker was away then.
GRACE = timedelta(hours=24)
REMINDERS = failures.register(WorkQueue(name="reminders", title="Reminders"))
_SECOND = UUID("3b8f3d0e-4f61-5d62-9b43-0c7f6f0f2f10")
Told = Callable[[str, QuerySet[Enrollment]], list[UUID]]
Key = Callable[[Enrollment], UUID]


def tell_ending_holds() -> int:
    """Seats held for payment that end in ten minutes, if they were held for as long already. Who
    waited in line has theirs since their turn, not since they asked."""
    at = clock.now()
    ending = Hold.objects.filter(
        state=HoldState.HELD,
        expires_at__gt=at,
        expires_at__lte=at + HOLD_WARNING,
        created_at__lte=at - HOLD_WARNING,
    )
    rows = Enrollment.objects.filter(
        pk__in=ending.values("key"), stage__in=[Stage.VALIDATED, Stage.PAYMENT_PENDING]
    )
    return _say("hold_ending", rows, enrolling.hold_ending)


def tell_starting_courses() -> int:
    """Courses that begin within a day, to those who enrolled more than a day ago: the others have
    just been told in their confirmation. Once for each start: a moved one is reminded of again."""
    at = clock.now()
    rows = Enrollment.objects.filter(
        stage=Stage.CONFIRMED,
        confirmed_at__lte=at - COURSE_WARNING,
        cohort__starts_at__gt=at,
        cohort__starts_at__lte=at + COURSE_WARNING,
    )
    return _say("course_starting", rows, enrolling.starting, told=_told_of_start, key=_start_key)


def tell_unfinished_checkouts() -> int:
    """Checkouts left unpaid an hour ago, and a day ago (MATRICULA_REMINDER_HOURS). Only to those
    who want it: see MATRICULA_REMINDERS."""
    if settings.ENVIRONMENT.mail.reminders == "off":
        return 0
    said = 0
    times = [timedelta(hours=hours) for hours in settings.ENVIRONMENT.mail.reminder_hours]
    for number, (after, until) in enumerate(pairwise([*times, times[-1] + GRACE])):
        rows = _unfinished().filter(
            requested_at__lte=clock.now() - after, requested_at__gt=clock.now() - until
        )
        said += _say(
            "checkout_waiting",
            rows,
            enrolling.unfinished,
            told=partial(_told, number=number),
            key=partial(_key, number=number),
        )
    return said


def tell_staff() -> int:
    """New tasks, to those who may see them."""
    told = Message.objects.filter(kind="staff_task", event_id=OuterRef("pk"))
    tasks = list(
        StaffTask.objects.filter(~Exists(told), closed_at__isnull=True).order_by("pk")[:BATCH]
    )
    people = list(_readers_of("view_stafftask")) if tasks else []
    return actions.say(
        [
            Saying("staff_task", task.pk, about.recipient(person), staff.alert(task, person))
            for task in tasks
            for person in people
        ]
    )


def _say(
    kind: str,
    rows: QuerySet[Enrollment],
    write: tell.Write[About],
    *,
    told: Told | None = None,
    key: Key | None = None,
) -> int:
    """Says it to those who were not told yet. `told` finds those who were, among `rows`, and `key`
    gives the id that each message is known by; by default a message is said once an enrollment."""
    told, key = told or _told, key or _key
    found = rows.select_related("course", "cohort", "person").order_by("pk")
    due = found.filter(person__is_active=True).exclude(pk__in=told(kind, rows))
    held_back = [
        reference.removeprefix(f"{kind}/")
        for reference in failures.held_back(REMINDERS.name)
        if reference.startswith(f"{kind}/")
    ]

    def say(fact: About) -> int:
        return tell.say([(kind, write, about.dated(fact, key(fact.enrollment)))])

    facts = about.of_enrollments(due.exclude(pk__in=held_back)[:BATCH])
    return sum(
        failures.run_each(REMINDERS.name, facts, say, reference=lambda it: f"{kind}/{it.event_id}")
    )


def _told(kind: str, _rows: QuerySet[Enrollment], number: int = 0) -> list[UUID]:
    """Enrollments that lately were told of; a repetition is known by the id it was given."""
    keys = _keys(kind)
    if not number:
        return list(keys)
    recent = Enrollment.objects.filter(requested_at__gt=_oldest(), stage=Stage.EXPIRED)
    return [row.pk for row in recent.only("pk") if _key(row, number) in keys]


def _told_of_start(kind: str, rows: QuerySet[Enrollment]) -> list[UUID]:
    """Enrollments that were reminded of the start that their cohort has now. Releases before this
    rule knew a reminder by the enrollment alone: those of the last day were about this start."""
    keys = _keys(kind)
    lately = _keys(kind, since=clock.now() - COURSE_WARNING)
    return [
        row.pk
        for row in rows.select_related("cohort").iterator()
        if row.pk in lately or _start_key(row) in keys
    ]


def _keys(kind: str, since: datetime | None = None) -> set[UUID]:
    """What the messages of this kind are known by."""
    since = since or clock.now() - timedelta(days=9)
    rows = Message.objects.filter(kind=kind, created_at__gt=since)
    return set(rows.values_list("event_id", flat=True))


def _key(enrollment: Enrollment, number: int = 0) -> UUID:
    """What the message of the first reminder, or a repetition of it, is known by."""
    if not number:
        return enrollment.pk
    return uuid5(_SECOND, str(enrollment.pk) if number == 1 else f"{number}/{enrollment.pk}")


def _start_key(enrollment: Enrollment) -> UUID:
    """What the reminder of the cohort's present start is known by."""
    starts_at = enrollment.cohort.starts_at
    at = starts_at.astimezone(UTC).isoformat() if starts_at is not None else ""
    return uuid5(_SECOND, f"{enrollment.pk}/{at}")


def _oldest() -> datetime:
    """When a checkout was begun that is still reminded of."""
    return clock.now() - timedelta(hours=settings.ENVIRONMENT.mail.reminder_hours[-1]) - GRACE


def _unfinished() -> QuerySet[Enrollment]:
    """Expired, unpaid, and not begun again since; of an order of several courses the first. By
    people who want to be reminded; guests must have said so, whatever the site asks of others."""
    again = Enrollment.objects.filter(person=OuterRef("person"), course=OuterRef("course"))
    again = again.filter(Q(stage__in=LIVE) | Q(requested_at__gt=OuterRef("requested_at")))
    wants = Preference.objects.filter(
        person=OuterRef("person"), category=Category.REMINDER, wants_mail=True
    )
    rows = Enrollment.objects.filter(
        ~Exists(again),
        stage=Stage.EXPIRED,
        order_lines__position=1,
        order_lines__order__state=OrderState.EXPIRED,
    )
    if settings.ENVIRONMENT.mail.reminders == "consent":
        return rows.filter(Exists(wants))
    return rows.filter(Q(person__guest_email="") | Exists(wants))


def _still_unfinished(delivery: Delivery) -> bool:
    """Whoever has come back since, paid, or wants no such mail any more, is not reminded."""
    if delivery.message is None or delivery.person_id is None:
        return False
    preference = Preference.objects.filter(person=delivery.person_id, category=Category.REMINDER)
    if preference.filter(wants_mail=False).exists():
        return False
    person = Person.objects.get(pk=delivery.person_id)
    orders = Order.objects.filter(
        # A guest is somebody new at each checkout, known by the address alone.
        person__in=[person.pk, *guests.others_with(person)],
        placed_at__gt=_oldest() - timedelta(days=1),
        state__in=[OrderState.OPEN, OrderState.PAID],
    )
    return not orders.exists()


sending.send_only_if("checkout_waiting", _still_unfinished)


def tell_failed_work() -> int:
    """Background work that was set aside, to those who may see it: one message a queue, and none
    again until the item that it was about is dealt with."""
    waiting = FailedWork.objects.filter(set_aside_at__isnull=False, dropped_at__isnull=True)
    oldest: dict[str, list[UUID]] = {}
    for queue, pk in waiting.order_by("set_aside_at").values_list("queue", "pk")[:BATCH]:
        oldest.setdefault(queue, []).append(pk)
    told = Message.objects.filter(
        kind="failed_work", event_id__in=[found[0] for found in oldest.values()]
    )
    known = set(told.values_list("event_id", flat=True))
    new = {queue: found for queue, found in oldest.items() if found[0] not in known}
    people = list(_readers_of("view_failedwork")) if new else []
    return actions.say(
        [
            Saying(
                "failed_work",
                found[0],
                about.recipient(person),
                staff.failed_work(len(found), person),
            )
            for found in new.values()
            for person in people
        ]
    )


def _readers_of(permission: str) -> QuerySet[Person]:
    may = Q(is_superuser=True)
    for way in ("groups__permissions", "user_permissions"):
        may |= Q(**{f"{way}__codename": permission})
    return Person.objects.filter(may, is_staff=True, is_active=True).distinct()
