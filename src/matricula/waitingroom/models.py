"""Rooms, their lines, and the tickets."""

from __future__ import annotations

from typing import ClassVar

from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Q

from matricula.waitingroom.states import TicketState


class Room(models.Model):
    """The waiting room of one cohort: when it is open, and how far its line has been served.

    Whoever serves the line locks this row, so that one does at a time. Every ticket numbered up to
    `served_up_to` is decided; none above it is, except those whose owners have left.
    """

    cohort = models.OneToOneField(
        "catalog.Cohort", primary_key=True, on_delete=models.CASCADE, related_name="room"
    )
    is_drop = models.BooleanField(
        "everybody waits in line",
        default=False,
        help_text="Seats are given in order of arrival, from the moment registration opens.",
    )
    opens_above = models.PositiveIntegerField(
        "opens by itself above",
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text="Seats taken a second. Empty: it never opens by itself.",
    )
    opened_at = models.DateTimeField(null=True, help_text="Empty: closed.")
    is_paused = models.BooleanField(default=False, help_text="Tickets are taken, nobody is let in.")
    served_up_to = models.BigIntegerField(default=0)
    admitted = models.BigIntegerField(default=0)
    refused = models.BigIntegerField(default=0)
    pace = models.FloatField(null=True, help_text="Tickets served a second, lately.")
    moved_at = models.DateTimeField(null=True, help_text="When the line last moved.")

    class Meta:
        verbose_name = "waiting room"
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(opens_above__isnull=True) | Q(opens_above__gt=0),
                name="room_opens_above_something",
            ),
        ]

    def __str__(self) -> str:
        return f"Waiting room of {self.cohort}"


class Line(models.Model):
    """The last number given in a cohort's line. Its lock is kept until the ticket is committed, so
    whoever sees a number also sees every smaller one: no ticket turns up behind those served.

    A row of its own, since it is as hot as the crowd is large.
    """

    cohort = models.OneToOneField(
        "catalog.Cohort", primary_key=True, on_delete=models.CASCADE, related_name="line"
    )
    last_number = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return str(self.last_number)


class Ticket(models.Model):
    """A place in line. `code` says why it was refused, in the words of the public interface."""

    enrollment = models.OneToOneField(
        "enrollments.Enrollment", primary_key=True, on_delete=models.PROTECT, related_name="ticket"
    )
    line = models.ForeignKey(Line, on_delete=models.PROTECT, db_column="cohort_id", db_index=False)
    number = models.BigIntegerField()
    state = models.CharField(max_length=8, choices=TicketState.choices, default=TicketState.WAITING)
    code = models.CharField(max_length=40, blank=True)
    key = models.TextField(
        blank=True, db_default="", help_text="The Idempotency-Key it was asked for with."
    )
    taken_at = models.DateTimeField()
    decided_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["line", "number"], name="ticket_by_number"),
            models.CheckConstraint(
                condition=Q(state__in=TicketState.values), name="ticket_state_known"
            ),
            models.CheckConstraint(
                condition=Q(state=TicketState.WAITING, decided_at__isnull=True)
                | (~Q(state=TicketState.WAITING) & Q(decided_at__isnull=False)),
                name="decided_ticket_dated",
            ),
        ]
        indexes: ClassVar = [
            # Those who left are few; they are subtracted from whoever stands behind them.
            models.Index(
                fields=["line", "number"], condition=Q(state=TicketState.LEFT), name="ticket_left"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.number}, {self.state}"
