"""Enrollments and completions."""

from __future__ import annotations

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from matricula.enrollments.admission import Rule
from matricula.enrollments.states import LIVE, STATUS_OF, Stage, Status
from matricula.kernel import ids


class Enrollment(models.Model):
    """A person in a cohort. At most one live one a person and course: the database sees to it."""

    id = models.UUIDField(primary_key=True, default=ids.new_id, editable=False)
    # No index of its own: `enrollment_by_person` begins with it, and each costs each enrollment.
    person = models.ForeignKey("accounts.Person", on_delete=models.PROTECT, db_index=False)
    course = models.ForeignKey("catalog.Course", on_delete=models.PROTECT)
    cohort = models.ForeignKey("catalog.Cohort", on_delete=models.PROTECT)
    stage = models.CharField(max_length=20, choices=Stage.choices)
    hold_expires_at = models.DateTimeField(null=True)
    access_expires_at = models.DateTimeField(null=True, help_text="Empty: no end.")
    reason = models.TextField(blank=True, help_text="Why it failed or was cancelled.")
    metadata = models.JSONField(default=dict, help_text="What the client sent along.")
    requested_at = models.DateTimeField(db_default=Now())
    confirmed_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["person", "course"],
                condition=Q(stage__in=LIVE),
                name="one_live_enrollment",
            ),
            models.CheckConstraint(
                condition=Q(stage__in=Stage.values), name="enrollment_stage_known"
            ),
            models.CheckConstraint(
                condition=~Q(stage=Stage.CONFIRMED) | Q(confirmed_at__isnull=False),
                name="confirmed_enrollment_dated",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["person", "id"], name="enrollment_by_person"),
            # Only for who asks by cohort: an index whose condition fits can be read whole
            # for a person's enrollment, and over an empty table seems as good as any (ADR 0047).
            models.Index(
                fields=["cohort"],
                condition=Q(stage__in=LIVE, cohort__isnull=False),
                name="enrollment_live_by_cohort",
            ),
        ]

    def __str__(self) -> str:
        return ids.to_text("enr", self.pk)

    @property
    def status(self) -> Status:
        return STATUS_OF[Stage(self.stage)]


class Completion(models.Model):
    """A person has completed a course, here or, as recorded by staff, elsewhere."""

    person = models.ForeignKey("accounts.Person", on_delete=models.CASCADE)
    course = models.ForeignKey("catalog.Course", on_delete=models.PROTECT)
    completed_at = models.DateTimeField(db_default=Now())
    recorded_by = models.ForeignKey(
        "accounts.Person", null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["person", "course"], name="one_completion")
        ]

    def __str__(self) -> str:
        return f"{self.person_id} completed {self.course_id}"


class Override(models.Model):
    """Staff lets a person past named rules into one cohort, until a moment. Never past its
    capacity."""

    id = models.UUIDField(primary_key=True, default=ids.new_id, editable=False)
    person = models.ForeignKey("accounts.Person", on_delete=models.CASCADE)
    cohort = models.ForeignKey("catalog.Cohort", on_delete=models.CASCADE)
    rules = ArrayField(models.CharField(max_length=20, choices=Rule.choices))
    note = models.TextField(max_length=1_000, help_text="Why. Seen by staff only.")
    granted_by = models.ForeignKey(
        "accounts.Person", null=True, on_delete=models.SET_NULL, related_name="+"
    )
    granted_at = models.DateTimeField(db_default=Now())
    expires_at = models.DateTimeField(help_text="Until when it can be used to enroll (UTC).")
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["person", "cohort"], name="override_by_person")]

    def __str__(self) -> str:
        return f"{self.person_id} into {self.cohort_id}"


class Swap(models.Model):
    """An enrollment given up for another one, in one step. Each has one successor at most."""

    given_up = models.OneToOneField(
        Enrollment, primary_key=True, on_delete=models.PROTECT, related_name="swapped_to"
    )
    taken = models.OneToOneField(Enrollment, on_delete=models.PROTECT, related_name="swapped_from")
    actor = models.ForeignKey(
        "accounts.Person", null=True, on_delete=models.SET_NULL, related_name="+"
    )
    at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=~Q(given_up=F("taken")), name="swap_of_two")
        ]

    def __str__(self) -> str:
        return f"{self.given_up_id} for {self.taken_id}"
