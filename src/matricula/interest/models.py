"""Interests: each is one wish to be told, once."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from matricula.kernel import ids


class Interest(models.Model):
    """A person asked to be told when the course opens. Asking is the consent to that one letter; it
    is over once they were told."""

    id = models.UUIDField(primary_key=True, default=ids.new_id, editable=False)
    person = models.ForeignKey("accounts.Person", on_delete=models.CASCADE)
    course = models.ForeignKey("catalog.Course", on_delete=models.CASCADE)
    asked_at = models.DateTimeField(db_default=Now())
    told_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["course", "person"],
                condition=Q(told_at__isnull=True),
                name="one_open_interest",
            )
        ]

    def __str__(self) -> str:
        return f"{self.person_id} in {self.course_id}"
