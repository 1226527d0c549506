"""The facts that letters speak of, read for many events at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _

from matricula.accounts import guests
from matricula.accounts.models import Person
from matricula.enrollments.models import Enrollment
from matricula.kernel import ids
from matricula.kernel.models import Event
from matricula.notifications.actions import Recipient
from matricula.orders import queries as orders
from matricula.orders.queries import OrderRecord


@dataclass(frozen=True)
class About:
    """One event, whom it concerns, and what it is about. `data` is the event's."""

    event_id: UUID
    person: Person
    enrollment: Enrollment
    order: OrderRecord | None
    data: Mapping[str, Any]
    actor: UUID | None = None
    correlation_id: str = ""
    at: datetime | None = None

    @property
    def recipient(self) -> Recipient:
        return recipient(self.person)

    @property
    def title(self) -> str:
        return self.enrollment.course.title

    @property
    def status_path(self) -> str:
        """Where this can be followed: a guest's way is the link that is theirs alone."""
        return self.path(f"/enrollments/{ids.to_text('enr', self.enrollment.pk)}/")

    @property
    def course_path(self) -> str:
        return f"/courses/{self.enrollment.course.slug}/"

    def path(self, account_path: str) -> str:
        if not self.person.guest_email:
            return account_path
        return f"/guests/{guests.link_token(self.person.pk)}/"

    @property
    def is_first_line(self) -> bool:
        """What concerns an order stands on each of its enrollments, and is told once."""
        return self.order is None or self.order.lines[0].enrollment_id == self.enrollment.pk


def recipient(person: Person) -> Recipient:
    """Where the person reads mail. A guest's account address is nobody's; they gave another."""
    return Recipient(person.pk, person.guest_email or person.email, person.language)


def greeting(person: Person, name: str = "") -> str:
    """The first line of a letter; none when no name is known."""
    name = (name or person.full_name).strip()
    return _("Hello %(name)s,") % {"name": name} if name else ""


def of_events(events: Sequence[Event]) -> list[About]:
    """The facts of these events, in their order; events without an enrollment or a person are left
    out. Six queries for any number."""
    rows = Enrollment.objects.select_related("course", "cohort", "person")
    enrollments = rows.in_bulk({event.subject for event in events})
    bought = orders.of_enrollments(enrollments)
    return [
        _of_event(event, enrollments[event.subject], bought.get(event.subject))
        for event in events
        if event.subject in enrollments
    ]


def of_enrollments(rows: Iterable[Enrollment]) -> list[About]:
    """The same for enrollments that no event speaks of; the enrollment's id stands for it."""
    found = list(rows)
    bought = orders.of_enrollments([row.pk for row in found])
    return [About(row.pk, row.person, row, bought.get(row.pk), {}) for row in found]


def dated(found: About, event_id: UUID) -> About:
    """The same under another id, for what is said more than once about one thing."""
    return replace(found, event_id=event_id)


def _of_event(event: Event, enrollment: Enrollment, order: OrderRecord | None) -> About:
    return About(
        event.id,
        enrollment.person,
        enrollment,
        order,
        event.data,
        actor=event.actor,
        correlation_id=event.correlation_id,
        at=event.at,
    )
