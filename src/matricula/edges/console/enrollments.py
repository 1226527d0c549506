"""Enrollments: looked at, and cancelled with a reason. All else happens in the flows."""

# ruff: noqa: ARG002 - overrides keep the parameters that Django's admin gives them

from __future__ import annotations

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.contrib.admin.utils import unquote
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.decorators import action
from unfold.enums import ActionVariant
from unfold.widgets import (
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from matricula.catalog.models import Cohort
from matricula.edges.console import references
from matricula.edges.console.acting import Acting
from matricula.edges.console.base import ReadOnlyAdmin, column
from matricula.edges.console.events import ShowsTimeline
from matricula.edges.console.filters import CohortFilter, CourseFilter
from matricula.edges.console.finding import FoundByReference
from matricula.edges.console.recording import actor_id
from matricula.enrollments.models import Enrollment
from matricula.enrollments.states import ENROLLMENT, Stage
from matricula.flows import cancel as cancelling
from matricula.flows import swap as swapping
from matricula.kernel import ids
from matricula.kernel.errors import DomainError
from matricula.seats.models import Hold
from matricula.seats.states import HoldState

STAGE_COLOURS = {
    "Requested": "info",
    "Validated": "info",
    "Payment Pending": "warning",
    "Payment Completed": "info",
    "Confirmed": "success",
    "Failed": "danger",
    "Expired": "default",
    "Cancelled": "default",
    "Refunded": "default",
}


class CancelForm(forms.Form):
    """Why an enrollment is cancelled."""

    reason = forms.CharField(
        label="Reason",
        max_length=cancelling.LONGEST_REASON,
        widget=UnfoldAdminTextareaWidget({"rows": 3}),
        help_text="Kept with the enrollment, where its owner can read it.",
    )


class SwapForm(forms.Form):
    """Which cohort instead."""

    cohort = forms.ModelChoiceField(
        Cohort.objects.none(),
        required=False,
        empty_label="Another course: see below",
        widget=UnfoldAdminSelectWidget,
        label="Cohort of the same course",
        help_text="What was paid pays for it from then on.",
    )
    other = forms.CharField(
        required=False,
        max_length=40,
        label="Or the id of any cohort, coh_…",
        widget=UnfoldAdminTextInputWidget,
        help_text="Another course must cost today exactly what was paid for this one.",
    )

    def clean(self) -> dict[str, Any]:
        """One of the two, as `cohort`."""
        answers: dict[str, Any] = super().clean() or {}
        if other := answers.get("other"):
            reference = references.read(other)
            rows = Cohort.objects.filter(pk=reference.value) if reference is not None else None
            answers["cohort"] = rows.first() if rows is not None else None
            if answers["cohort"] is None:
                self.add_error("other", "There is no such cohort.")
        elif answers.get("cohort") is None:
            self.add_error("cohort", "Choose a cohort.")
        return answers


def _swap_form(enrollment: Enrollment, posted: Any) -> SwapForm:
    form = SwapForm(posted)
    rows = Cohort.objects.filter(course=enrollment.course_id).exclude(pk=enrollment.cohort_id)
    field = form.fields["cohort"]
    assert isinstance(field, forms.ModelChoiceField)  # noqa: S101 - declared above
    field.queryset = rows.order_by("starts_at", "name")
    return form


class EnrollmentAdmin(FoundByReference, ShowsTimeline, Acting, ReadOnlyAdmin):
    """Everybody's place in a cohort, with its whole story."""

    list_display = (
        "reference",
        "person_shown",
        "course_shown",
        "cohort_shown",
        "stage_label",
        "requested",
    )
    list_display_links = ("reference",)
    list_filter = ("stage", CourseFilter, CohortFilter)
    search_fields = ("id",)
    found_by = {"": "pk", "enr": "pk", "usr": "person", "crs": "course", "coh": "cohort"}
    search_help_text = "Whole address, enr_… or usr_…"
    ordering = ("-id",)
    actions_detail = ("swap_enrollment", "cancel_enrollment")
    change_form_outer_after_template = "console/timeline.html"
    fieldsets = (
        (
            None,
            {
                "fields": (
                    "reference",
                    "stage_label",
                    "person_shown",
                    "course_shown",
                    "cohort_shown",
                    "seat",
                )
            },
        ),
        (
            "Times",
            {"fields": (("requested_at", "confirmed_at"), ("ended_at", "access_expires_at"))},
        ),
        ("More", {"fields": ("reason", "metadata")}),
    )

    def get_readonly_fields(self, request: HttpRequest, obj: Enrollment | None = None) -> Any:
        return ("stage_label", "reference", "person_shown", "course_shown", "cohort_shown", "seat")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Enrollment]:
        rows: QuerySet[Enrollment] = super().get_queryset(request)
        return rows.select_related("person", "course", "cohort").defer(
            "course__search", "course__search_index", "course__description"
        )

    # --- cancelling -------------------------------------------------------------------------

    def has_cancel_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return request.user.has_perm("enrollments.change_enrollment")

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> Any:
        reference = references.read(unquote(str(object_id)))
        stage = (
            Enrollment.objects.filter(pk=reference.value).values_list("stage", flat=True).first()
            if reference
            else None
        )
        if stage is None or not ENROLLMENT.allows(Stage(stage), "cancel"):
            return []
        found = super().get_actions_detail(request, object_id)
        if stage == Stage.CONFIRMED:
            return found
        return [entry for entry in found if "swap" not in entry.action_name]

    @action(description="Swap the cohort", url_path="swap", permissions=["cancel"])  # type: ignore[untyped-decorator]
    def swap_enrollment(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self.ask(
            request,
            object_id,
            title="Swap the cohort",
            points=[
                "This seat is given up once the other is taken; if there is none, nothing changes.",
                "The rules of the other cohort hold. An exception lets somebody past them.",
            ],
            form=_swap_form,
            run=lambda enrollment, answers: swapping.swap(
                enrollment.pk,
                enrollment.person_id,
                answers["cohort"].pk,
                actor_id=actor_id(request),
            ),
            done="Swapped. The new enrollment is listed with the person's others.",
        )

    @action(  # type: ignore[untyped-decorator]
        description="Cancel enrollment",
        url_path="cancel",
        permissions=["cancel"],
        variant=ActionVariant.DANGER,
    )
    def cancel_enrollment(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Asks for a reason, then cancels in the name of the member of staff."""
        enrollment: Enrollment | None = self.get_object(request, unquote(object_id))
        if enrollment is None:
            gone: HttpResponse = self._get_obj_does_not_exist_redirect(
                request, self.opts, object_id
            )
            return gone
        address = reverse("admin:enrollments_enrollment_change", args=[enrollment.pk])
        form = CancelForm(request.POST if request.method == "POST" else None)
        if form.is_valid():
            self._cancel(request, enrollment, form.cleaned_data["reason"])
            return HttpResponseRedirect(address)
        return TemplateResponse(
            request,
            "console/cancel.html",
            {
                **self.admin_site.each_context(request),
                "title": "Cancel enrollment",
                "opts": self.opts,
                "original": enrollment,
                "enrollment": enrollment,
                "reference": ids.to_text("enr", enrollment.pk),
                "had_access": enrollment.stage == Stage.CONFIRMED,
                "form": form,
                "back": address,
            },
        )

    def _cancel(self, request: HttpRequest, enrollment: Enrollment, reason: str) -> None:
        try:
            cancelling.cancel(
                enrollment.pk, enrollment.person_id, actor_id=actor_id(request), reason=reason
            )
        except DomainError as error:
            self.message_user(request, f"Not cancelled. {error.detail}", messages.ERROR)
        else:
            self.message_user(
                request, "The enrollment is cancelled and its seat is free again.", messages.SUCCESS
            )

    # --- columns ----------------------------------------------------------------------------

    def history_of(self, obj: Enrollment) -> str:
        return ids.to_text("enr", obj.pk)

    @column("Id")
    def reference(self, enrollment: Enrollment) -> SafeString:
        return references.mono(ids.to_text("enr", enrollment.pk))

    @column("Person")
    def person_shown(self, enrollment: Enrollment) -> SafeString:
        return references.page("usr", enrollment.person_id, enrollment.person.email)

    @column("Course")
    def course_shown(self, enrollment: Enrollment) -> SafeString:
        return references.page("crs", enrollment.course_id, enrollment.course.title)

    @column("Cohort")
    def cohort_shown(self, enrollment: Enrollment) -> SafeString:
        return references.page("coh", enrollment.cohort_id, enrollment.cohort.name)

    @column("Stage", colours=STAGE_COLOURS)
    def stage_label(self, enrollment: Enrollment) -> str:
        return Stage(enrollment.stage).label

    @column("Requested")
    def requested(self, enrollment: Enrollment) -> str:
        return references.when(enrollment.requested_at)

    @column("Seat")
    def seat(self, enrollment: Enrollment) -> SafeString | str:
        return _seat_of(enrollment.pk)


def _seat_of(enrollment_id: UUID) -> SafeString | str:
    """The latest hold with this enrollment as its key, in words."""
    hold = Hold.objects.filter(key=enrollment_id, state__in=("held", "sold")).first()
    if hold is None:
        return "No seat"
    is_sold = hold.state == HoldState.SOLD
    words = "Sold" if is_sold else f"Held until {references.when(hold.expires_at)}"
    return format_html("{} ({})", words, references.page("hld", hold.pk))
