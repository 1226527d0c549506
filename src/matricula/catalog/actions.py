"""What changes the catalog beside its plain edits."""

from __future__ import annotations

from uuid import UUID

from django.db import transaction
from psycopg.types.multirange import TimestamptzMultirange
from psycopg.types.range import TimestamptzRange

from matricula.catalog import timetable
from matricula.catalog.models import Cohort, CohortMeeting, Timetable


@transaction.atomic
def arrange(cohort_id: UUID) -> None:
    """Works the cohort's timetable out of its meetings, in the transaction that changed them. The
    cohort's row is locked, so that two such changes follow each other."""
    Cohort.objects.select_for_update(no_key=True, of=("self",)).get(pk=cohort_id)
    busy = busy_of(cohort_id)
    if busy:
        Timetable.objects.update_or_create(cohort_id=cohort_id, defaults={"busy": busy})
    else:
        Timetable.objects.filter(cohort=cohort_id).delete()


def busy_of(cohort_id: UUID) -> TimestamptzMultirange:
    """The time that the cohort's meetings take, as they stand now."""
    meetings = CohortMeeting.objects.filter(cohort=cohort_id)
    spans = timetable.of_cohort(
        timetable.Meeting(
            first_day=row.first_day,
            last_day=row.last_day,
            starts=row.starts,
            ends=row.ends,
            zone=row.zone,
            weekdays=tuple(row.weekdays),
            skipped=tuple(row.skipped),
            place=row.place,
        )
        for row in meetings
    )
    return TimestamptzMultirange([TimestamptzRange(span.starts_at, span.ends_at) for span in spans])
