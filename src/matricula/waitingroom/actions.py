"""What changes rooms. All of it runs in the caller's transaction; tickets are taken and served by
the functions of `flows/sql/admit.sql`."""

from __future__ import annotations

from uuid import UUID

from django.contrib.postgres.functions import TransactionNow
from django.db.models.functions import Now

from matricula.waitingroom.models import Line, Room, Ticket
from matricula.waitingroom.states import TICKET, TicketState


def set_up(cohort_id: UUID) -> Room:
    """The cohort's room, locked; made when there is none yet."""
    Room.objects.get_or_create(cohort_id=cohort_id)
    Line.objects.get_or_create(cohort_id=cohort_id)
    return Room.objects.select_for_update(no_key=True).get(cohort_id=cohort_id)


def lock_if_free(cohort_id: UUID) -> Room | None:
    """The room, locked to serve its line; None when another serves it, or it is paused."""
    rows = Room.objects.select_for_update(no_key=True, skip_locked=True)
    return rows.filter(cohort_id=cohort_id, is_paused=False).first()


def open_room(room: Room) -> None:
    """Opens a locked room."""
    room.opened_at = TransactionNow()
    room.save(update_fields=["opened_at"])


def close_room(room: Room) -> None:
    """Closes a locked room. The caller has seen that nobody waits in it."""
    room.opened_at = None
    room.save(update_fields=["opened_at"])


def lock_line(room: Room) -> int:
    """Keeps everybody from taking a ticket until the transaction ends; the last number given."""
    return Line.objects.select_for_update(no_key=True).get(pk=room.pk).last_number


def pass_over(room: Room, number: int) -> None:
    """The line of a locked room is served up to here: all who stood there have left."""
    room.served_up_to = number
    room.save(update_fields=["served_up_to"])


def pause(room: Room, is_paused: bool) -> None:
    """Stops letting people in from a locked room, or goes on."""
    room.is_paused = is_paused
    room.moved_at = TransactionNow()  # the time it stood still says nothing of its pace
    room.save(update_fields=["is_paused", "moved_at"])


def leave(enrollment_id: UUID) -> None:
    """The owner of a waiting ticket gives it up. The caller has locked the enrollment."""
    ticket = Ticket.objects.select_for_update(of=("self",)).get(pk=enrollment_id)
    ticket.state = TICKET.transition(TicketState(ticket.state), "leave")
    ticket.decided_at = Now()
    ticket.save(update_fields=["state", "decided_at"])
