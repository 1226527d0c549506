"""Periodic work of this room."""

from __future__ import annotations

from matricula.catalog.models import Course
from matricula.kernel.regularly import regularly


@regularly("*/5 * * * *")
def index_courses() -> int:
    """Makes the search index of courses whose text was changed past the application."""
    return Course.objects.index_anew()
