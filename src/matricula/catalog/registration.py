"""When registration for a cohort ends here, by this site's setting."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from django.conf import settings

from matricula.catalog import rules
from matricula.catalog.rules import Window


class Dated(Protocol):
    """The dates of a cohort: its row, or its plan."""

    @property
    def opens_at(self) -> datetime | None: ...
    @property
    def closes_at(self) -> datetime | None: ...
    @property
    def starts_at(self) -> datetime | None: ...
    @property
    def ends_at(self) -> datetime | None: ...


def deadline(cohort: Dated) -> datetime | None:
    """When registration for the cohort ends; None when it never does. The SQL function
    `registration_ends_at` says the same."""
    return rules.registration_ends_at(
        cohort.closes_at,
        cohort.starts_at,
        cohort.ends_at,
        settings.ENVIRONMENT.registration_after_start,
    )


def window_of(cohort: Dated, at: datetime) -> Window:
    """Whether registration for the cohort is open at this moment."""
    return rules.window(cohort.opens_at, deadline(cohort), at)
