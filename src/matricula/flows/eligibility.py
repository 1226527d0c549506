"""May these people take a seat in this cohort, and if not, why not?

For many at once, in a few queries however many they are: a promoted waitlist, an admitted crowd, a
gathered batch. One person alone is decided upon by the same rules from the same reads
(`flows/enroll.py`, `flows/offer.py`).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from uuid import UUID

from django.conf import settings

from matricula.accounts.errors import EmailUnverified
from matricula.catalog.queries import CoursePlan
from matricula.enrollments import rules, standings
from matricula.enrollments.errors import CourseNotAvailable
from matricula.enrollments.standings import Asking, PersonStanding
from matricula.flows import offer
from matricula.flows.claims import Choice
from matricula.kernel import clock
from matricula.kernel.errors import AuthenticationRequired, DomainError
from matricula.seats.errors import CourseFull
from matricula.seats.queries import Availability


def refusals(
    course: CoursePlan,
    cohort_id: UUID,
    person_ids: Sequence[UUID],
    counts: Mapping[UUID, Availability] | None = None,
    *,
    apart_from: Collection[UUID] = (),
    came_in_time: bool = False,
) -> dict[UUID, DomainError | None]:
    """Why each person cannot take a seat in the cohort now, or None when they can: one query.

    Without `counts` nobody is refused because it is full: whoever claims decides that under the
    counter's lock. Enrollments in `apart_from` are taken not to be there: a ticket that waits for
    its seat, or an enrollment that is given up for the new one. With `came_in_time` they asked
    while registration was open; whether it still is does not matter. Nothing is locked, so the
    answer may be a moment old.
    """
    found = decisions(
        course, cohort_id, person_ids, counts, apart_from=apart_from, came_in_time=came_in_time
    )
    return {
        person_id: decided if isinstance(decided, DomainError) else None
        for person_id, decided in found.items()
    }


def decisions(
    course: CoursePlan,
    cohort_id: UUID,
    person_ids: Sequence[UUID],
    counts: Mapping[UUID, Availability] | None = None,
    *,
    apart_from: Collection[UUID] = (),
    came_in_time: bool = False,
) -> dict[UUID, DomainError | Choice]:
    """As `refusals`, with the choice of whoever can: it says past which rules staff let them."""
    facts = offer.course_facts(course, counts or {}, clock.now())
    cohort = next((fact for fact in facts.cohorts if fact.id == cohort_id), None)
    if cohort is not None and came_in_time:
        cohort = replace(cohort, window="open")
    found = standings.read([Asking(person, course) for person in person_ids], apart_from=apart_from)
    decided: dict[UUID, DomainError | Choice] = {}
    for person_id, person in zip(person_ids, found, strict=True):
        refusal = account_refusal(person) or rules.refusal(facts, cohort, person.standing)
        if counts is None and isinstance(refusal, CourseFull):
            refusal = None  # the last of all reasons, so there is no other
        if refusal is not None or cohort is None:
            decided[person_id] = refusal or CourseNotAvailable()
        else:
            excused = rules.overridden(cohort, person.standing)
            decided[person_id] = Choice(course, cohort_id, excused)
    return decided


def account_refusal(person: PersonStanding) -> DomainError | None:
    """Why the account cannot enroll in anything: it is closed, or its address unconfirmed."""
    if not person.is_active:
        return AuthenticationRequired()
    if settings.ACCOUNT_EMAIL_VERIFICATION == "mandatory" and not person.is_verified:
        return EmailUnverified()
    return None
