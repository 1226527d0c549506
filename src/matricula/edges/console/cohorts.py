"""Cohorts: windows, dates, and how many seats."""

# ruff: noqa: ARG002 - overrides keep the parameters that Django's admin gives them

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db.models import QuerySet
from django.forms import BaseForm, BaseFormSet
from django.http import HttpRequest, HttpResponse
from django.template.defaultfilters import pluralize
from django.utils.html import format_html
from django.utils.safestring import SafeString

from matricula.catalog import actions as catalog
from matricula.catalog import registration
from matricula.catalog.models import Cohort
from matricula.edges.console import references, waiting_rooms
from matricula.edges.console.base import ConsoleAdmin, column
from matricula.edges.console.cohort_form import LIST_TERMS, CohortForm
from matricula.edges.console.filters import CourseFilter
from matricula.edges.console.meetings import MeetingInline, meeting_changes
from matricula.edges.console.recording import Changes, RecordsEvents
from matricula.edges.console.waitlists import WritesToList
from matricula.enrollments.models import Enrollment
from matricula.enrollments.states import LIVE
from matricula.kernel import clock, ids
from matricula.seats import actions as seats
from matricula.seats.errors import CapacityTooSmall
from matricula.seats.models import Hold, SeatCount
from matricula.waitlist import actions as waitlist
from matricula.waitlist import queries as waitlists
from matricula.waitlist.models import Entry

WINDOW_COLOURS = {"Opens later": "info", "Open": "success", "Closed": "default"}
_WINDOW_WORDS = {"before": "Opens later", "open": "Open", "after": "Closed"}


class CohortAdmin(RecordsEvents, WritesToList, ConsoleAdmin):
    """Intakes of courses. Seats are changed through the seats room alone."""

    event_kind = "cohort"
    actions_detail = ("write_to_list",)
    recorded = (
        "course",
        "opens_at",
        "closes_at",
        "starts_at",
        "ends_at",
        "waitlist_enabled",
        *LIST_TERMS,
    )
    form = CohortForm
    inlines = (MeetingInline,)
    list_display = (
        "name",
        "course_title",
        "window_label",
        "opens",
        "closes",
        "starts",
        "capacity_shown",
        "held_shown",
        "sold_shown",
        "left_shown",
    )
    list_display_links = ("name",)
    list_filter = (CourseFilter, "waitlist_enabled")
    search_fields = ("name", "course__title", "course__slug")
    search_help_text = "Name of the cohort or the course"
    ordering = ("-starts_at", "name", "id")
    autocomplete_fields = ("course",)
    readonly_fields = (
        "reference",
        "seats_shown",
        "waitlist_shown",
        "course_shown",
        "enrollment_links",
        "room_link",
    )
    _dates = (
        "Registration and dates",
        {"fields": ("opens_at", "closes_at", "starts_at", "ends_at")},
    )

    def get_fieldsets(self, request: HttpRequest, obj: Cohort | None = None) -> Any:
        if obj is None:
            seats_fields: tuple[Any, ...] = ("seats_limit", "capacity")
            return (
                (None, {"fields": ("course", "name")}),
                ("Seats", {"fields": seats_fields}),
                ("Waitlist", {"fields": ("waitlist_enabled", *LIST_TERMS)}),
                self._dates,
            )
        may_change = self.has_change_permission(request, obj)
        editable = ("seats_limit", "capacity") if may_change else ()
        terms = LIST_TERMS if may_change else ()
        return (
            # The course stays: its people's enrollments name it too.
            (None, {"fields": ("course_shown", "name")}),
            ("Seats", {"fields": ("seats_shown", *editable)}),
            ("Waitlist", {"fields": ("waitlist_shown", "waitlist_enabled", *terms)}),
            self._dates,
            ("Records", {"fields": ("enrollment_links", "room_link", "reference")}),
        )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Cohort]:
        rows: QuerySet[Cohort] = super().get_queryset(request)
        return rows.select_related("course", "seats").defer(
            "course__search", "course__search_index", "course__description"
        )

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Saves, or shows the form again with what the seats room refused. Only that room can
        say, under its lock, what is possible: so it is asked first and quoted afterwards.
        """
        self._refused(request, None)
        try:
            response: HttpResponse = super().changeform_view(
                request, object_id, form_url, extra_context
            )
        except CapacityTooSmall as refusal:  # and the whole edit is rolled back
            self._refused(request, refusal)
            response = super().changeform_view(request, object_id, form_url, extra_context)
        return response

    @staticmethod
    def _refused(request: HttpRequest, refusal: CapacityTooSmall | None) -> None:
        request.capacity_refusal = refusal  # type: ignore[attr-defined]

    def get_form(
        self, request: HttpRequest, obj: Cohort | None = None, change: bool = False, **kwargs: Any
    ) -> type[CohortForm]:
        form: type[CohortForm] = super().get_form(request, obj, change=change, **kwargs)
        form.refusal = getattr(request, "capacity_refusal", None)
        return form

    def save_model(self, request: HttpRequest, obj: Cohort, form: CohortForm, change: bool) -> None:
        capacity = form.cleaned_data["capacity"]
        if change:
            # The counter row before the cohort's, as everywhere: whoever enrolls takes it first.
            seats.set_capacity(obj.pk, capacity)
        super().save_model(request, obj, form, change)
        if not change:
            seats.set_capacity(obj.pk, capacity)
        waitlist.set_terms(obj.pk, **form.list_terms())

    def save_related(
        self, request: HttpRequest, form: CohortForm, formsets: Any, change: bool
    ) -> None:
        super().save_related(request, form, formsets, change)
        catalog.arrange(form.instance.pk)

    def changes(self, form: BaseForm, formsets: Sequence[BaseFormSet[Any]], add: bool) -> Changes:
        changes = super().changes(form, formsets, add)
        meetings = [line for formset in formsets for line in meeting_changes(formset)]
        if meetings:
            changes["fields"].append("meetings")
            changes["meetings"] = meetings
        asked = {"seats_limit", "capacity"}
        changes["fields"] = [name for name in changes["fields"] if name not in asked]
        old, new = form.initial.get("capacity"), form.cleaned_data["capacity"]
        if add or old != new or "seats_limit" not in form.initial:
            changes["fields"].append("capacity")
            changes["capacity"] = {"old": old, "new": new}
        return changes

    def get_deleted_objects(self, objs: Sequence[Cohort], request: HttpRequest) -> Any:
        reasons = [reason for cohort in objs for reason in _why_kept(cohort)]
        return [str(cohort) for cohort in objs], {"cohorts": len(objs)}, set(), reasons

    def delete_model(self, request: HttpRequest, obj: Cohort) -> None:
        seats.remove_unused(obj.pk)
        super().delete_model(request, obj)

    @column("Course", order="course__title")
    def course_title(self, cohort: Cohort) -> str:
        return cohort.course.title

    @column("Registration", colours=WINDOW_COLOURS)
    def window_label(self, cohort: Cohort) -> str:
        return _WINDOW_WORDS[registration.window_of(cohort, clock.now())]

    @column("Opens", order="opens_at")
    def opens(self, cohort: Cohort) -> str:
        return references.when(cohort.opens_at)

    @column("Closes", order="closes_at")
    def closes(self, cohort: Cohort) -> str:
        return references.when(registration.deadline(cohort))

    @column("Starts", order="starts_at")
    def starts(self, cohort: Cohort) -> str:
        return references.when(cohort.starts_at)

    @column("Capacity")
    def capacity_shown(self, cohort: Cohort) -> str:
        count = _count(cohort)
        if count is None:
            return "Not set"
        return "No limit" if count.capacity is None else str(count.capacity)

    @column("Held")
    def held_shown(self, cohort: Cohort) -> str:
        count = _count(cohort)
        return "0" if count is None else str(count.held)

    @column("Sold")
    def sold_shown(self, cohort: Cohort) -> str:
        count = _count(cohort)
        return "0" if count is None else str(count.sold)

    @column("Left")
    def left_shown(self, cohort: Cohort) -> str:
        count = _count(cohort)
        if count is None:
            return "0"
        return (
            "No limit" if count.capacity is None else str(count.capacity - count.held - count.sold)
        )

    @column("Now")
    def seats_shown(self, cohort: Cohort) -> SafeString | str:
        count = _count(cohort)
        if count is None:
            return "Not set up: nobody can enroll until seats are chosen below."
        return format_html(
            "{} sold, {} held, {} left. {}",
            count.sold,
            count.held,
            "no limit to what is" if count.capacity is None else self.left_shown(cohort),
            references.listing(
                Hold, f"cohort={cohort.pk}&state=held", "Who holds seats, and until when"
            ),
        )

    @column("Now")
    def waitlist_shown(self, cohort: Cohort) -> SafeString:
        length = waitlists.queue(cohort.pk).length
        return format_html(
            "{} {}. {}",
            length,
            "place waits" if length == 1 else "places wait",
            references.listing(
                Entry, f"cohort={cohort.pk}&state__exact=waiting", "Who waits, in order"
            ),
        )

    @column("Course")
    def course_shown(self, cohort: Cohort) -> SafeString:
        return references.page("crs", cohort.course_id, cohort.course.title)

    @column("Enrollments")
    def enrollment_links(self, cohort: Cohort) -> SafeString:
        query = f"course={cohort.course_id}&cohort={cohort.pk}"
        return references.listing(Enrollment, query, "All enrollments of this cohort")

    @column("Line")
    def room_link(self, cohort: Cohort) -> SafeString:
        return waiting_rooms.link_of(cohort.pk)

    def history_of(self, obj: Cohort) -> str:
        return ids.to_text("coh", obj.pk)

    @column("Id")
    def reference(self, cohort: Cohort) -> SafeString:
        return references.mono(ids.to_text("coh", cohort.pk))


def _count(cohort: Cohort) -> SeatCount | None:
    return getattr(cohort, "seats", None)


def _why_kept(cohort: Cohort) -> list[str]:
    """What stands against deleting the cohort."""
    rows = Enrollment.objects.filter(cohort=cohort)
    total = rows.count()
    if total == 0:
        return []
    live = rows.filter(stage__in=LIVE).count()
    return [
        f"It has {total} enrollment{pluralize(total)}, {live} of them live. They stay on record.",
        "To stop registration, set Closes at to a time that is over.",
    ]
