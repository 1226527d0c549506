"""What the tests of the waitlist start from: a full course, and people who want in."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

import pytest
from django.contrib.postgres.functions import TransactionNow
from django.db import connection

from matricula.catalog.models import Cohort, Course
from matricula.flows import cancel, doctor, waitlist
from matricula.flows.standing import Standing
from matricula.flows.waitlist import Wish
from matricula.kernel import events
from matricula.seats.models import Hold, SeatCount
from matricula.waitlist.models import Entry, Offer
from tests.support import claims
from tests.support.factories import make_course, make_people, only_cohort


@dataclass
class Full:
    """A course whose seats are all sold, with its one cohort and who has the seats."""

    course: Course
    cohort: UUID
    owners: list[tuple[UUID, UUID]] = field(default_factory=list)

    def fill(self, seats: int) -> None:
        for person in make_people(seats):
            wish = claims.Wish(person.pk, self.course.pk, self.cohort)
            with connection.cursor() as cursor:
                assert claims.outcomes(claims.enroll_people(cursor, [wish])) == ["enrolled"]
            self.owners.append((person.pk, wish.enrollment))

    def free(self, seats: int = 1) -> None:
        """So many of those who have a seat cancel."""
        for _ in range(seats):
            person, enrollment = self.owners.pop()
            cancel.cancel(enrollment, person, actor_id=person)

    def join(
        self, party_size: int = 1, person: UUID | None = None, replaces: UUID | None = None
    ) -> UUID:
        """Somebody joins; their place in the list."""
        who = person or make_people(1)[0].pk
        return self.joined(who, party_size, replaces).entry.id

    def joined(self, person: UUID, party_size: int = 1, replaces: UUID | None = None) -> Standing:
        wish = Wish(person, self.course.slug, self.cohort, party_size, replaces)
        return waitlist.join(wish)[0]

    def claim(self) -> str:
        """What a newcomer is answered."""
        (person,) = make_people(1)
        wish = claims.Wish(person.pk, self.course.pk, self.cohort)
        with connection.cursor() as cursor:
            (answer,) = claims.enroll_people(cursor, [wish])
        return answer.outcome

    @property
    def count(self) -> SeatCount:
        return SeatCount.objects.get(pk=self.cohort)


def full_course(capacity: int = 1, *, price: int | None = None, **fields: object) -> Full:
    course = make_course(capacity=capacity, price=price, **fields)
    cohort = only_cohort(course)
    Cohort.objects.filter(pk=cohort).update(waitlist_enabled=True)
    full = Full(course, cohort)
    full.fill(capacity)
    return full


@pytest.fixture
def full(db: None) -> Full:
    """A free course of one seat, taken."""
    return full_course()


@pytest.fixture
def paid(db: None) -> Full:
    """A course of one seat that costs something, taken."""
    return full_course(price=100_000)


def entry(entry_id: UUID) -> Entry:
    return Entry.objects.get(pk=entry_id)


def state(entry_id: UUID) -> str:
    return entry(entry_id).state


def states(entry_ids: list[UUID]) -> list[str]:
    return [state(entry_id) for entry_id in entry_ids]


def offers(entry_id: UUID) -> list[Offer]:
    return list(Offer.objects.filter(entry=entry_id).order_by("number"))


def run_out(*offer_ids: UUID) -> None:
    """Lets the time of these offers be over for a second."""
    Hold.objects.filter(key__in=offer_ids).update(
        expires_at=TransactionNow() - timedelta(seconds=1)
    )


def told(subject: UUID) -> list[str]:
    return [event.type for event in events.of_subject(subject)]


def assert_promises_kept() -> None:
    found = [str(finding) for finding in doctor.examine() if finding.check != "unsent"]
    assert not found, found
