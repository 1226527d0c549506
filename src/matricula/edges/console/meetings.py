"""When a cohort meets: weekly patterns and single meetings, as lines of its page."""

from __future__ import annotations

from typing import Any
from zoneinfo import available_timezones

from django import forms
from django.contrib.postgres.forms import SimpleArrayField
from django.forms import BaseFormSet
from unfold.admin import StackedInline
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminSingleDateWidget,
    UnfoldAdminSingleTimeWidget,
    UnfoldAdminTextInputWidget,
)

from matricula.catalog.models import CohortMeeting
from matricula.catalog.timetable import WEEKDAYS
from matricula.edges.console.recording import Changes, plain

LONGEST = 800  # days
MOST_SKIPPED = 100


class MeetingForm(forms.ModelForm):  # type: ignore[type-arg]
    """Weekly on the chosen weekdays, or once without any."""

    weekdays = forms.TypedMultipleChoiceField(
        coerce=int,
        choices=list(enumerate(WEEKDAYS, start=1)),
        required=False,
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
        help_text="Every week on these. None: once, on the first day.",
    )
    last_day = forms.DateField(
        required=False, widget=UnfoldAdminSingleDateWidget, help_text="Included. Only when weekly."
    )
    starts = forms.TimeField(widget=UnfoldAdminSingleTimeWidget)
    ends = forms.TimeField(
        widget=UnfoldAdminSingleTimeWidget, help_text="Earlier than the start: on the next day."
    )
    zone = forms.CharField(
        initial="UTC",
        max_length=64,
        widget=UnfoldAdminTextInputWidget,
        help_text="Whose clock it is, like Asia/Kolkata or Europe/London.",
    )
    skipped = SimpleArrayField(
        forms.DateField(),
        required=False,
        max_length=MOST_SKIPPED,
        widget=UnfoldAdminTextInputWidget,
        help_text="Days without a meeting, like 2027-01-26, 2027-03-04.",
    )

    class Meta:
        model = CohortMeeting
        fields = (
            "weekdays",
            "first_day",
            "last_day",
            "starts",
            "ends",
            "zone",
            "skipped",
            "place",
        )

    def clean_zone(self) -> str:
        zone: str = self.cleaned_data["zone"].strip()
        if zone not in available_timezones():
            raise forms.ValidationError("Give a zone like Asia/Kolkata or Europe/London.")
        return zone

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        first, last = values.get("first_day"), values.get("last_day")
        if first is not None and not values.get("weekdays"):
            values["last_day"] = first
        elif first is not None and last is None:
            if "last_day" not in self.errors:
                self.add_error("last_day", "A weekly meeting needs a last day.")
        elif first is not None and last is not None and last < first:
            self.add_error("last_day", "The last day cannot come before the first.")
        elif first is not None and last is not None and (last - first).days > LONGEST:
            self.add_error("last_day", f"At most {LONGEST} days after the first.")
        if values.get("starts") is not None and values.get("starts") == values.get("ends"):
            self.add_error("ends", "It has to take some time.")
        return values


class MeetingInline(StackedInline):  # type: ignore[misc]
    model = CohortMeeting
    form = MeetingForm
    extra = 0
    max_num = 20
    fields = (
        "weekdays",
        ("first_day", "last_day"),
        ("starts", "ends"),
        "zone",
        "skipped",
        "place",
    )
    verbose_name = "meeting"
    verbose_name_plural = "Timetable (when it meets; people cannot enroll in two that clash)"


def meeting_changes(formset: BaseFormSet[Any]) -> list[Changes]:
    """Each line that was touched, before and after."""
    lines: list[Changes] = []
    for form in formset.forms:
        deleted = form in formset.deleted_forms
        if not (deleted or form.has_changed()) or (deleted and not form.initial):
            continue
        fields = MeetingForm.Meta.fields
        old = {name: plain(form.initial.get(name)) for name in fields} if form.initial else None
        new = None if deleted else {name: plain(form.cleaned_data.get(name)) for name in fields}
        lines.append({"old": old, "new": new})
    return lines
