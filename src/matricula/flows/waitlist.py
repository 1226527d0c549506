"""A course is full, and somebody waits: joining the list, and leaving it.

Where they stand is told in `flows/standing.py`, who is next in `flows/promote.py`, and how an
offered seat is taken in `flows/accept.py`. Who has a seat already may wait for another one instead,
and is swapped into it when it is there; who stands in several lists may leave the others once in
one of them. Whoever changes a list takes the person's lock first, then the counter row of the
cohort, as everywhere.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _

from matricula.catalog import queries as catalog
from matricula.catalog.queries import CohortPlan, CoursePlan
from matricula.enrollments import queries as enrollments
from matricula.enrollments.errors import CourseNotAvailable
from matricula.enrollments.rules import choose_cohort
from matricula.flows import eligibility, offer, standing, swap
from matricula.flows.standing import Standing
from matricula.kernel import clock, events, failures, ids
from matricula.kernel.errors import (
    Action,
    FieldError,
    Guidance,
    IllegalState,
    NotFound,
    ValidationFailed,
)
from matricula.kernel.events import NewEvent
from matricula.kernel.failures import WorkQueue
from matricula.kernel.locks import lock_person
from matricula.seats import actions as seats
from matricula.seats import queries as seat_counts
from matricula.seats.queries import NO_SEATS, Availability
from matricula.waitlist import actions, line, queries
from matricula.waitlist.actions import NewEntry
from matricula.waitlist.errors import NoWaitlist, SeatsLeft
from matricula.waitlist.models import FIRST_RANK, Entry
from matricula.waitlist.states import EntryState

# How long ago somebody may have got the seat for which they leave their other lists.
LEFT_WITHIN = timedelta(hours=1)
LEFT_AT_ONCE = 200


@dataclass(frozen=True)
class Wish:
    """Who wants to wait for what: a course (its next full cohort is taken) or one cohort of it.

    `replaces` is their enrollment that is given up for the seat, when it is there and in one step;
    with `leaves_others` they leave their other lists once they are in.
    """

    person_id: UUID
    course: str | UUID
    cohort_id: UUID | None = None
    party_size: int = 1
    replaces: UUID | None = None
    leaves_others: bool = False


def join(wish: Wish) -> tuple[Standing, bool]:
    """A place at the end of the list, and whether it is new: who waits already keeps their place.

    Raises NotFound, also for an enrollment to be given up that is not theirs; a refusal of
    `enrollments.rules`, which will be asked again when the turn comes; IllegalState for an
    enrollment that cannot be swapped for the seat; AlreadyEnrolled; NoWaitlist or WaitlistFull;
    SeatsLeft while there is a seat to have; and ValidationFailed for a party larger than the list
    takes, or one that would be swapped into.
    """
    course = catalog.find_course(wish.course)
    counts = seat_counts.availability(plan.id for plan in course.cohorts)
    cohort = _cohort_to_wait_for(course, wish.cohort_id, counts)
    given_up = [] if wish.replaces is None else [wish.replaces]
    people = [wish.person_id]
    refusal = eligibility.refusals(course, cohort.id, people, apart_from=given_up)[wish.person_id]
    if refusal is not None:
        raise refusal
    if not cohort.waitlist_enabled:
        raise NoWaitlist
    _check_party(cohort, wish.party_size, counts[cohort.id])
    _check_swap(wish.person_id, wish.replaces, course, cohort.id, wish.party_size)
    is_new = _join(wish, course, cohort)
    return standing.in_course(wish.person_id, course.id, cohort.id), is_new


@transaction.atomic
def _join(wish: Wish, course: CoursePlan, cohort: CohortPlan) -> bool:
    lock_person(wish.person_id)
    seats.lock_counters([cohort.id])
    if actions.open_entry(wish.person_id, cohort.id) is not None:
        return False
    if not seat_counts.availability([cohort.id]).get(cohort.id, NO_SEATS).is_full:
        raise SeatsLeft(guidance=Guidance(actions=[_instead_of_waiting(wish, course)]))
    entry = actions.join(
        NewEntry(
            wish.person_id,
            course.id,
            cohort.id,
            wish.party_size,
            replaces=wish.replaces,
            leaves_others=wish.leaves_others,
        )
    )
    seats.set_queued(cohort.id, True)
    wished = _wished(wish.replaces, leaves_others=wish.leaves_others)
    events.append([event(entry, "joined", seats=entry.party_size, **wished)])
    return True


def _instead_of_waiting(wish: Wish, course: CoursePlan) -> Action:
    if wish.replaces is None:
        return Action(_("Enroll now"), f"/courses/{course.slug}/enroll/")
    return Action(_("Swap now"), f"/enrollments/{ids.to_text('enr', wish.replaces)}/swap/")


def _check_swap(
    person_id: UUID, replaces: UUID | None, course: CoursePlan, cohort_id: UUID, size: int
) -> None:
    if replaces is None:
        return
    swap.check(enrollments.of_person(person_id, replaces), course, cohort_id)
    if size > 1:
        message = _("Only one seat can be waited for in place of another.")
        raise ValidationFailed(message, Guidance(errors=[FieldError("party_size", message)]))


def _wished(replaces: UUID | None, *, leaves_others: bool) -> dict[str, Any]:
    """What an event says of what is to happen once the seat is there."""
    given_up: dict[str, Any] = {} if replaces is None else {"replaces": str(replaces)}
    return given_up | ({"leaves_others": True} if leaves_others else {})


@transaction.atomic
def change_wish(
    person_id: UUID, entry_id: UUID, *, replaces: UUID | None, leaves_others: bool
) -> None:
    """Says anew what is to happen once the seat is there, as when joining. Raises NotFound, and
    IllegalState when it does not wait any more, or that enrollment cannot be swapped for it."""
    record = queries.of_person(person_id, entry_id)
    if replaces != record.replaces_id:
        course = catalog.courses_by_id([record.course_id])[record.course_id]
        _check_swap(person_id, replaces, course, record.cohort_id, record.party_size)
    lock_person(person_id)
    seats.lock_counters([record.cohort_id])
    entry = Entry.objects.get(pk=entry_id)
    actions.wish(entry, replaces=replaces, leaves_others=leaves_others)
    wished = _wished(replaces, leaves_others=leaves_others)
    events.append([event(entry, "changed", person_id, **wished)])


def join_first(person_id: UUID, course_id: UUID, cohort_id: UUID) -> bool:
    """The first place in the list, for somebody who paid and found no seat; False where the cohort
    has no list, or a seat is offered to them already. The caller holds the locks of the person and
    of the counter row."""
    course = catalog.courses_by_id([course_id])[course_id]
    cohort = next(plan for plan in course.cohorts if plan.id == cohort_id)
    if not cohort.waitlist_enabled:
        return False
    waiting = actions.open_entry(person_id, cohort_id)
    if waiting is not None and waiting.state != EntryState.WAITING:
        return False
    if waiting is not None:
        actions.leave(waiting)
        events.append([event(waiting, "left")])
    entry = actions.join(NewEntry(person_id, course_id, cohort_id, rank=FIRST_RANK))
    seats.set_queued(cohort_id, True)
    events.append([event(entry, "joined", seats=1, first=True)])
    return True


@transaction.atomic
def leave(person_id: UUID, entry_id: UUID, *, actor_id: UUID, because: UUID | None = None) -> None:
    """Gives the place up, and with it every seat that is offered to it and was not taken yet.
    `because` names the place in another list by which they are in.

    Raises NotFound, and IllegalState when it has ended.
    """
    record = queries.of_person(person_id, entry_id)
    lock_person(person_id)
    seats.lock_counters([record.cohort_id])
    entry = Entry.objects.get(pk=entry_id)
    declined = actions.leave(entry)
    seats.release(declined)
    seats.set_queued(record.cohort_id, actions.is_waited_for(record.cohort_id))
    about = {} if because is None else {"because": str(because)}
    events.append([event(entry, "left", actor_id, **about)])


def leave_others() -> int:
    """Has those who are in leave the lists that they wanted to leave then; returns how many places
    were left. Until it comes to that, promotion gives them no second seat (`flows/promote.py`)."""
    found = line.all_to_leave(clock.now() - LEFT_WITHIN, LEFT_AT_ONCE)
    owners = dict(Entry.objects.filter(pk__in=dict(found)).values_list("pk", "person"))

    def leave_one(place: tuple[UUID, UUID]) -> int:
        entry_id, because = place
        try:
            leave(owners[entry_id], entry_id, actor_id=owners[entry_id], because=because)
        except IllegalState:  # it ended meanwhile
            return 0
        return 1

    return sum(failures.run_each(LEAVING.name, found, leave_one, reference=lambda it: str(it[0])))


LEAVING = failures.register(
    WorkQueue(name="waitlist_leaving", title="Leaving waitlists after enrolling")
)


def _cohort_to_wait_for(
    course: CoursePlan, cohort_id: UUID | None, counts: Mapping[UUID, Availability]
) -> CohortPlan:
    """The cohort asked for; else the first full one whose registration is open and that has a list,
    else whichever one enrolling would mean."""
    if cohort_id is not None:
        found = next((plan for plan in course.cohorts if plan.id == cohort_id), None)
        if found is None:
            raise NotFound(_("There is no such cohort."))
        return found
    facts = offer.course_facts(course, counts, clock.now()).cohorts
    open_ = {fact.id for fact in facts if fact.window == "open" and fact.is_full}
    waited_for = [plan for plan in course.cohorts if plan.id in open_ and plan.waitlist_enabled]
    if waited_for:
        return waited_for[0]
    chosen = choose_cohort(facts)
    if chosen is None:
        raise CourseNotAvailable
    return next(plan for plan in course.cohorts if plan.id == chosen.id)


def _check_party(cohort: CohortPlan, size: int, count: Availability) -> None:
    largest = queries.queue(cohort.id).largest_party
    if count.capacity is not None:
        largest = min(largest, count.capacity)
    if size > max(1, largest):
        message = _("At most %(largest)d seats can be waited for together here.") % {
            "largest": largest
        }
        raise ValidationFailed(message, Guidance(errors=[FieldError("party_size", message)]))


def lapse(keys: Sequence[UUID]) -> None:
    """Held seats have run out: the offers among them are over. The caller has released the seats
    and so holds the counter rows."""
    events.append([event(entry, "lapsed") for entry in actions.lapse(keys)])


def event(entry: Entry, what: str, actor: UUID | None = None, **data: object) -> NewEvent:
    """An event on a place in a list. The caller holds the counter row of its cohort."""
    place = {"course": str(entry.course_id), "cohort": str(entry.cohort_id)}
    return NewEvent(
        type=f"waitlist.{what}",
        subject=entry.pk,
        person=entry.person_id,
        actor=actor,
        data={**place, **data},
    )
