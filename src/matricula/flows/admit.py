"""The waiting room: people take tickets in order of arrival, and are let in in that order.

A ticket is an enrollment in stage `requested`. Taking one is cheap: no seat is touched. A thread
of the worker serves the lines in batches, each one transaction: the rules are asked again, seats
are claimed in order, and each ticket becomes a confirmed enrollment (free), a held seat (paid: its
owner then goes on to the checkout), or a refusal with its reason. `sql/admit.sql` holds both
functions, and why the order can be trusted; `flows/rooms.py` says when a room is open.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import structlog
from django.conf import settings
from django.db import DatabaseError, InterfaceError, close_old_connections, connection, transaction
from psycopg.types.json import Jsonb

from matricula.catalog import queries as catalog
from matricula.catalog.queries import CoursePlan
from matricula.enrollments import queries as enrollments
from matricula.enrollments.models import Enrollment
from matricula.enrollments.states import Stage
from matricula.flows import eligibility, offer, overrides, rooms
from matricula.flows.claims import Choice
from matricula.kernel import clock, correlation, events, failures, ids
from matricula.kernel.errors import DomainError, IllegalState
from matricula.kernel.events import NewEvent
from matricula.kernel.failures import WorkQueue
from matricula.kernel.words import marked
from matricula.seats import actions as seats
from matricula.waitingroom import actions, queries
from matricula.waitingroom.models import Room, Ticket
from matricula.waitingroom.queries import Arrival
from matricula.waitingroom.states import TicketState

# Served in one transaction: short enough that leaving and claiming never wait long.
BATCH = 500
IDLE_SECONDS = 0.2
AFTER_FAILURE_SECONDS = 1.0
FULL = marked("Every seat was given out before your turn came.")
NOT_SERVED = marked("Something went wrong on our side when your turn came.")
# A ticket that cannot be served keeps its line waiting for so many tries.
TICKET_TRIES = 3

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Request:
    """What a person waits for: a seat in one cohort."""

    person_id: UUID
    course_id: UUID
    cohort_id: UUID
    metadata: Mapping[str, str] = field(default_factory=dict)
    key: str | None = None
    correlation_id: str = field(default_factory=correlation.current)
    enrollment_id: UUID = field(default_factory=ids.new_id)


@dataclass(frozen=True)
class Queued:
    """What became of a request; see `admit.sql` for the outcomes. `number` is there for a ticket
    taken now."""

    outcome: str
    enrollment_id: UUID
    stage: Stage
    hold_expires_at: datetime | None
    number: int | None


def queue(requests: Sequence[Request]) -> list[Queued]:
    """Takes a ticket for each request, in their order, which is the order of arrival. One call is
    one transaction; a person at most once in it."""
    after_start: Any = settings.ENVIRONMENT.registration_after_start
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT outcome, enrollment_id, stage, hold_expires_at, number FROM take_tickets("
            "%s::uuid[], %s::uuid[], %s::uuid[], %s::uuid[], %s::jsonb[], %s::text[],"
            " %s::text[], %s::interval)",
            [
                [request.person_id for request in requests],
                [request.course_id for request in requests],
                [request.cohort_id for request in requests],
                [request.enrollment_id for request in requests],
                [Jsonb(dict(request.metadata)) for request in requests],
                [request.correlation_id for request in requests],
                [request.key for request in requests],
                after_start,
            ],
        )
        return [
            Queued(outcome, enrollment_id, Stage(stage), expires_at, number)
            for outcome, enrollment_id, stage, expires_at, number in cursor.fetchall()
        ]


def serve_until(stop: threading.Event) -> None:
    """Serves every line until told to stop. A database that is away is waited for."""
    watch = rooms.Watch()
    while not stop.is_set():
        try:
            pause = 0.0 if serve_once() else IDLE_SECONDS
            watch.look()
        except (DatabaseError, InterfaceError) as error:
            log.warning("line_not_served", error=str(error))
            pause = AFTER_FAILURE_SECONDS
            connection.close()
        stop.wait(pause)
    close_old_connections()
    connection.close()


def serve_once() -> int:
    """One batch of each line in which somebody waits; returns how many tickets were served. A line
    that cannot be served holds up no other."""
    return sum(failures.run_each(LINES.name, queries.to_serve(), _serve_line))


def _serve_line(cohort_id: UUID) -> int:
    """A batch or, where that fails, one ticket at a time."""
    try:
        return serve(cohort_id)
    except Exception as error:
        if failures.is_outage(error):
            raise
        log.warning("line_served_one_by_one", cohort=str(cohort_id), error=repr(error))
    served = 0
    while served < BATCH and _serve_next(cohort_id):
        served += 1
    return served


def _serve_next(cohort_id: UUID) -> bool:
    """Serves the first ticket of the line; False when there is none, or it is to be tried again.
    One that cannot be served is set aside, and the line moves on."""
    try:
        return bool(serve(cohort_id, limit=1))
    except Exception as error:
        if failures.is_outage(error):
            raise
        with transaction.atomic():
            room = actions.lock_if_free(cohort_id)
            arrivals, up_to = queries.next_in_line(room, 1) if room is not None else ([], 0)
            if room is None or not arrivals:
                return False
            ticket = str(arrivals[0].enrollment_id)
            if not failures.record(TICKETS.name, ticket, error, max_tries=TICKET_TRIES):
                return False
            actions.pass_over(room, up_to)
    return True


@transaction.atomic
def serve_set_aside(enrollment_id: UUID) -> None:
    """Staff has a ticket that was set aside served now, out of turn. Nothing when its owner has
    left meanwhile."""
    room, arrivals = _call_again(enrollment_id)
    if arrivals:
        _serve(room, arrivals, room.served_up_to)


@transaction.atomic
def refuse_set_aside(enrollment_id: UUID) -> None:
    """Staff gives up a ticket that was set aside: its enrollment fails, and says why."""
    room, arrivals = _call_again(enrollment_id)
    if arrivals:
        course = catalog.course_of_cohort(room.pk)
        refusal: dict[UUID, DomainError | Choice] = {
            arrivals[0].person_id: IllegalState(NOT_SERVED)
        }
        _admit(course, room.pk, arrivals, refusal, room.served_up_to)


def _call_again(enrollment_id: UUID) -> tuple[Room, list[Arrival]]:
    """The locked room, and the ticket if it still waits. The event tells the doctor why this ticket
    was not decided in order of arrival."""
    cohort_id = Ticket.objects.values_list("line_id", flat=True).get(pk=enrollment_id)
    room = Room.objects.select_for_update(no_key=True).get(pk=cohort_id)
    seats.lock_counters([cohort_id])
    enrollment = Enrollment.objects.select_for_update(no_key=True).get(pk=enrollment_id)
    ticket = Ticket.objects.get(pk=enrollment_id)
    if ticket.state != TicketState.WAITING:
        return room, []
    person_id = enrollment.person_id
    events.append([NewEvent("enrollment.called_again", enrollment_id, person_id)])
    return room, [Arrival(ticket.number, enrollment_id, person_id)]


@transaction.atomic
def serve(cohort_id: UUID, limit: int = BATCH) -> int:
    """The next batch of one line, in order; returns how many tickets were served. Nothing while
    somebody else serves it, or it is paused.
    """
    room = actions.lock_if_free(cohort_id)
    if room is None:
        return 0
    arrivals, up_to = queries.next_in_line(room, limit)
    if not arrivals:
        if up_to > room.served_up_to:
            actions.pass_over(room, up_to)
        return 0
    return _serve(room, arrivals, up_to)


def _serve(room: Room, arrivals: Sequence[Arrival], up_to: int) -> int:
    cohort_id: UUID = room.pk
    course = catalog.course_of_cohort(cohort_id)
    decisions = eligibility.decisions(
        course,
        cohort_id,
        [arrival.person_id for arrival in arrivals],
        apart_from=[arrival.enrollment_id for arrival in arrivals],
        came_in_time=True,
    )
    _admit(course, cohort_id, arrivals, decisions, up_to)
    _note_overrides(arrivals, decisions)
    return len(arrivals)


def _admit(
    course: CoursePlan,
    cohort_id: UUID,
    arrivals: Sequence[Arrival],
    decisions: Mapping[UUID, DomainError | Choice],
    up_to: int,
) -> None:
    decided = [decisions[arrival.person_id] for arrival in arrivals]
    refused = [each if isinstance(each, DomainError) else None for each in decided]
    # Held from the moment its owner can act on it: the event that tells them is in here too.
    hold_seconds = settings.ENVIRONMENT.hold_seconds if offer.is_paid(course, clock.now()) else None
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT admitted, refused FROM admit_people("
            "%s::uuid, %s::uuid[], %s::text[], %s::text[], %s::int, %s::int, %s::text, %s::bigint)",
            [
                cohort_id,
                [arrival.enrollment_id for arrival in arrivals],
                [refusal.code if refusal else None for refusal in refused],
                [refusal.detail if refusal else None for refusal in refused],
                hold_seconds,
                course.access_days,
                FULL,
                up_to,
            ],
        )
        admitted, turned_away = cursor.fetchone()
    log.info("line_served", cohort=str(cohort_id), admitted=admitted, refused=turned_away)


def _note_overrides(
    arrivals: Sequence[Arrival], decisions: Mapping[UUID, DomainError | Choice]
) -> None:
    """Says on the enrollments of those who came in past which rules staff has let them."""
    excused = {
        arrival.enrollment_id: (arrival.person_id, decided)
        for arrival in arrivals
        if isinstance(decided := decisions[arrival.person_id], Choice) and decided.overridden
    }
    for enrollment_id in enrollments.admitted(excused) if excused else ():
        person_id, choice = excused[enrollment_id]
        overrides.note_use(person_id, [(enrollment_id, choice)])


LINES = failures.register(
    WorkQueue(
        name="waiting_rooms",
        title="Waiting rooms",
        backlog="SELECT count(*), min(t.taken_at) FROM waitingroom_room r CROSS JOIN LATERAL ("
        " SELECT taken_at FROM waitingroom_ticket t WHERE t.cohort_id = r.cohort_id"
        " AND t.number > r.served_up_to AND t.state = 'waiting' ORDER BY t.number LIMIT 1) t"
        " WHERE NOT r.is_paused",
    )
)
TICKETS = failures.register(
    WorkQueue(
        name="waiting_room_tickets",
        title="Waiting room tickets",
        retry=lambda ticket: serve_set_aside(UUID(ticket)),
        drop=lambda ticket: refuse_set_aside(UUID(ticket)),
    )
)
