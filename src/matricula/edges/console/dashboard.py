"""The console's first page: a few facts, each cheap and each only for those who may see it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.models import Sum
from django.http import HttpRequest

from matricula.catalog.models import Cohort, Course, CourseStatus
from matricula.edges.console import events, references
from matricula.enrollments.models import Enrollment
from matricula.kernel import backlogs, clock
from matricula.kernel.models import FailedWork
from matricula.payments.models import StaffTask
from matricula.seats.models import Hold, SeatCount
from matricula.support.models import Conversation
from matricula.support.states import ConversationState

UPCOMING = 5
LATE_SECONDS = 60.0
LATEST = 10


@dataclass(frozen=True)
class Fact:
    """A figure, and where it comes from."""

    name: str
    figure: int
    address: str


def facts(request: HttpRequest) -> dict[str, Any]:
    """What the page shows to this member of staff."""
    may = request.user.has_perm
    figures: list[Fact] = []
    if may("catalog.view_course"):
        published = Course.objects.filter(status=CourseStatus.PUBLISHED).count()
        address = f"{references.changelist(Course)}?status__exact={CourseStatus.PUBLISHED.value}"
        figures.append(Fact("Published courses", published, address))
    # Counted from the narrow table of counters, which the doctor keeps equal to the rows.
    if may("enrollments.view_enrollment") or may("seats.view_hold"):
        sums = SeatCount.objects.aggregate(held=Sum("held"), sold=Sum("sold"))
        held, sold = sums["held"] or 0, sums["sold"] or 0
        if may("enrollments.view_enrollment"):
            figures.append(Fact("Live enrollments", held + sold, references.changelist(Enrollment)))
        if may("seats.view_hold"):
            figures.append(Fact("Seats held now", held, references.changelist(Hold)))
    if may("payments.view_stafftask"):
        waiting = StaffTask.objects.filter(closed_at=None).count()
        figures.append(Fact("To decide", waiting, references.changelist(StaffTask)))
    if may("kernel.view_failedwork"):
        figures += _background_work()
    if may("support.view_conversation"):
        asked = Conversation.objects.filter(state=ConversationState.OPEN).count()
        address = f"{references.changelist(Conversation)}?state__exact={ConversationState.OPEN}"
        figures.append(Fact("Waiting for an answer", asked, address))
    return {
        "figures": figures,
        "upcoming": _upcoming() if may("catalog.view_cohort") else None,
        "latest": events.latest(LATEST) if may("kernel.view_event") else None,
    }


def _background_work() -> list[Fact]:
    """What is set aside or late; nothing while all is well."""
    found = backlogs.backlogs()
    address = references.changelist(FailedWork)
    set_aside = sum(backlog.set_aside for backlog in found)
    facts = [Fact("Failed work", set_aside, address)] if set_aside else []
    return facts + [
        Fact(f"{late.queue.title}: minutes late", round(late.oldest_seconds / 60), address)
        for late in backlogs.late(found, LATE_SECONDS)
    ]


def _upcoming() -> list[dict[str, Any]]:
    """The next cohorts whose registration opens."""
    rows = (
        Cohort.objects.filter(opens_at__gt=clock.now())
        .order_by("opens_at")
        .values("pk", "name", "course__title", "opens_at", "seats__capacity")[:UPCOMING]
    )
    return [
        {
            "link": references.page("coh", row["pk"], f"{row['course__title']}: {row['name']}"),
            "opens_at": row["opens_at"],
            "capacity": row["seats__capacity"],
        }
        for row in rows
    ]
