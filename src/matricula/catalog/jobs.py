"""Periodic work of this room."""

from __future__ import annotations

from uuid import UUID

from matricula.catalog.models import Course
from matricula.kernel import failures
from matricula.kernel.failures import WorkQueue
from matricula.kernel.regularly import regularly

MOST_AT_ONCE = 1_000
INDEX = failures.register(WorkQueue(name="search_index", title="Search index"))


@regularly("*/5 * * * *")
def index_courses() -> int:
    """Makes the search index of courses whose text was changed past the application. A course that
    cannot be indexed holds up no other."""
    unindexed = Course.objects.unindexed().exclude(pk__in=failures.held_back(INDEX.name))
    found = list(unindexed.values_list("pk", flat=True)[:MOST_AT_ONCE])
    return sum(failures.run_each(INDEX.name, found, _index))


def _index(course_id: UUID) -> int:
    return Course.objects.filter(pk=course_id).index_anew()
