"""The counter and the ledger of seats."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from matricula.kernel import ids
from matricula.seats.states import LIVE, HoldState


class SeatCount(models.Model):
    """How many seats of a cohort are held and sold. The CHECK is the last guard against selling
    one too many: whatever else goes wrong, the database refuses.

    A row of its own, narrow and without indexes on what changes, so that counting stays a
    heap-only update and touches nothing else.
    """

    cohort = models.OneToOneField(
        "catalog.Cohort", primary_key=True, on_delete=models.PROTECT, related_name="seats"
    )
    capacity = models.PositiveIntegerField(null=True, help_text="Empty: no limit.")
    held = models.PositiveIntegerField(default=0)
    sold = models.PositiveIntegerField(default=0)
    by_turn = models.BooleanField(
        default=False,
        db_default=False,
        help_text="Newcomers wait in line: seats are given in the order of the waiting room.",
    )
    queued = models.BooleanField(
        default=False,
        db_default=False,
        help_text="People queue for it: its free seats are theirs, and nobody else gets one.",
    )

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(capacity__isnull=True) | Q(capacity__gte=F("held") + F("sold")),
                name="never_oversold",
            )
        ]

    def __str__(self) -> str:
        return f"{self.held + self.sold} of {self.capacity}"


class Hold(models.Model):
    """One seat in somebody's name. `key` is the enrollment it serves; a claim repeated with the
    same key is answered with the same hold.
    """

    id = models.UUIDField(primary_key=True, default=ids.new_id, editable=False)
    seats = models.ForeignKey(SeatCount, on_delete=models.PROTECT, db_column="cohort_id")
    person = models.ForeignKey("accounts.Person", on_delete=models.PROTECT)
    key = models.UUIDField()
    state = models.CharField(max_length=8, choices=HoldState.choices)
    expires_at = models.DateTimeField(null=True, help_text="Empty once the seat is sold.")
    created_at = models.DateTimeField(db_default=Now())
    ended_at = models.DateTimeField(null=True)

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["expires_at"], condition=Q(state=HoldState.HELD), name="hold_due"),
            # Only for who asks by cohort: an index whose condition fits can be read through whole
            # for one key, and in a nearly empty table seems as good as any (ADR 0047).
            models.Index(
                fields=["seats"],
                condition=Q(state__in=LIVE, seats__isnull=False),
                name="hold_live_by_cohort",
            ),
        ]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["key"], condition=Q(state__in=LIVE), name="one_live_hold_per_key"
            ),
            models.CheckConstraint(
                condition=Q(state__in=HoldState.values), name="hold_state_known"
            ),
            models.CheckConstraint(
                condition=~Q(state=HoldState.HELD) | Q(expires_at__isnull=False),
                name="held_seat_expires",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.state} until {self.expires_at}"
