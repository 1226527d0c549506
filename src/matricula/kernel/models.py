"""The kernel's own tables: the event log, its outbox, remembered answers."""

from __future__ import annotations

from typing import ClassVar

from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from matricula.kernel import ids


class Event(models.Model):
    """One thing that happened. Rows are appended by `append_events()` and never change: the
    database refuses every UPDATE and DELETE. `data` holds ids and figures, never personal data.
    """

    seq = models.BigAutoField(primary_key=True)
    id = models.UUIDField()
    type = models.TextField()
    subject = models.UUIDField()
    subject_seq = models.IntegerField()
    person = models.UUIDField(null=True)
    actor = models.UUIDField(null=True, help_text="Who did it; empty when the system did.")
    correlation_id = models.TextField(blank=True)
    at = models.DateTimeField(db_default=Now())
    data = models.JSONField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["subject", "subject_seq"], name="event_numbered_per_subject"
            )
        ]
        # Who looks for what was forgotten reads the last days. Events lie in order of their time,
        # so a few pages of summaries say where. Nearly free to whoever appends.
        indexes: ClassVar = [BrinIndex(fields=["at"], name="event_by_time", autosummarize=True)]

    def __str__(self) -> str:
        return f"{self.type} {self.subject_seq}"


class Outbox(models.Model):
    """An event whose effects are still owed. The dispatcher deletes the row as it takes it, in the
    transaction that enqueues the jobs.
    """

    event_seq = models.BigIntegerField(primary_key=True)

    def __str__(self) -> str:
        return str(self.event_seq)


class Effect(models.Model):
    """What an event still owes and is done for many events together (`effects.py`). Taking it moves
    its time on; the row goes when it is done.
    """

    work = models.TextField()
    event_seq = models.BigIntegerField()
    due_at = models.DateTimeField(db_default=Now())
    tries = models.SmallIntegerField(default=0, db_default=0)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["work", "due_at"], name="effect_by_time")]

    def __str__(self) -> str:
        return f"{self.work} of {self.event_seq}"


class RememberedAnswer(models.Model):
    """What an Idempotency-Key stands for. `status` is empty while its request still runs."""

    owner = models.UUIDField()
    key = models.TextField()
    fingerprint = models.TextField()
    status = models.SmallIntegerField(null=True)
    body = models.TextField(null=True)
    lease_until = models.DateTimeField(null=True)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["owner", "key"], name="one_answer_per_key")
        ]
        indexes: ClassVar = [models.Index(fields=["created_at"], name="answer_by_age")]

    def __str__(self) -> str:
        return self.key


class RequestCount(models.Model):
    """How many requests a subject (a digest) made in the window that ends then. Unlogged: it is not
    worth the writing of a log, and losing it harms nobody."""

    subject = models.TextField()
    ends_at = models.DateTimeField()
    requests = models.IntegerField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["subject", "ends_at"], name="one_request_count")
        ]
        indexes: ClassVar = [models.Index(fields=["ends_at"], name="request_count_by_end")]

    def __str__(self) -> str:
        return f"{self.requests} until {self.ends_at}"


class SetUpMark(models.Model):
    """What the database was last set up for, and a digest of the functions that it then had
    (`runtime/set_up_mark.py`): one row, or none."""

    mark = models.TextField(primary_key=True)
    functions = models.TextField(default="", db_default="")

    def __str__(self) -> str:
        return self.mark


class FailedWork(models.Model):
    """One item that a background queue could not process (`failures.py`): tried again at
    `next_try_at`, or, when that is empty, set aside until staff retries or drops it."""

    id = models.UUIDField(primary_key=True, default=ids.new_id, editable=False)
    queue = models.TextField()
    reference = models.TextField(help_text="The item, as its queue knows it.")
    error = models.TextField()
    tries = models.PositiveSmallIntegerField()
    failed_at = models.DateTimeField(db_default=Now(), help_text="The first failure.")
    next_try_at = models.DateTimeField(null=True)
    set_aside_at = models.DateTimeField(null=True)
    dropped_at = models.DateTimeField(null=True)
    dropped_by = models.UUIDField(null=True)

    class Meta:
        verbose_name_plural = "failed work"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["queue", "reference"], name="one_failure_per_item")
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["set_aside_at"],
                condition=Q(set_aside_at__isnull=False, dropped_at__isnull=True),
                name="failed_work_set_aside",
            )
        ]

    def __str__(self) -> str:
        return f"{self.queue}: {self.reference}"
