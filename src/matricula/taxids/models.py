"""VAT ids that were given at a checkout, and what is known of each."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from matricula.kernel import ids
from matricula.taxids.states import TaxIdState


class TaxId(models.Model):
    """A VAT id with its country, like DE136695976. `next_try_at` is when VIES is asked about it;
    empty: not before somebody gives it again."""

    id = models.UUIDField(primary_key=True, default=ids.new_id, editable=False)
    number = models.CharField(max_length=20, unique=True)
    state = models.CharField(max_length=9, choices=TaxIdState.choices, default=TaxIdState.PENDING)
    consultation = models.CharField(
        max_length=40,
        blank=True,
        help_text="VIES's number of the answer: the proof. Given to sellers with a VAT id.",
    )
    name = models.CharField(max_length=200, blank=True, help_text="As VIES has it.")
    address = models.CharField(max_length=500, blank=True, help_text="As VIES has it.")
    trouble = models.CharField(
        max_length=80, blank=True, help_text="Why VIES did not answer last time."
    )
    tries = models.PositiveSmallIntegerField(default=0)
    next_try_at = models.DateTimeField(null=True, blank=True)
    submitted_at = models.DateTimeField(db_default=Now())
    checked_at = models.DateTimeField(null=True, blank=True)
    decided_by = models.ForeignKey(
        "accounts.Person", null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    reason = models.CharField(max_length=500, blank=True, help_text="Why staff decided so.")

    class Meta:
        verbose_name = "VAT id"
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(state__in=TaxIdState.values), name="tax_id_state_known"
            ),
            models.CheckConstraint(
                condition=~Q(state=TaxIdState.CONFIRMED) | Q(checked_at__isnull=False),
                name="confirmed_tax_id_dated",
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["next_try_at"],
                condition=Q(next_try_at__isnull=False),
                name="tax_id_due",
            )
        ]

    def __str__(self) -> str:
        return self.number
