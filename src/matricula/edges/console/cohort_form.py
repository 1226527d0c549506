"""The form of a cohort: its dates, and how many seats it has."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.widgets import UnfoldAdminIntegerFieldWidget, UnfoldAdminRadioSelectWidget

from matricula.catalog.models import Cohort
from matricula.edges.console import references
from matricula.seats.errors import CapacityTooSmall
from matricula.seats.models import Hold, SeatCount

_LARGEST = 2_147_483_647
_LIMITED, _UNLIMITED = "limited", "unlimited"


class CohortForm(forms.ModelForm):  # type: ignore[type-arg]
    """A cohort and its capacity, which belongs to the seats room and is asked for in two steps: is
    there a limit, and which. `refusal` is what that room said to the same input a moment ago.
    """

    refusal: CapacityTooSmall | None = None

    seats_limit = forms.ChoiceField(
        label="Seats",
        choices=[(_LIMITED, "A limited number"), (_UNLIMITED, "No limit")],
        widget=UnfoldAdminRadioSelectWidget(radio_style=1),
        help_text="Choose one. A limit is never oversold.",
    )
    capacity = forms.IntegerField(
        label="How many seats",
        min_value=0,
        max_value=_LARGEST,
        required=False,
        widget=UnfoldAdminIntegerFieldWidget,
        help_text="Only with a limited number. 0 admits nobody.",
    )

    class Meta:
        model = Cohort
        fields = (
            "course",
            "name",
            "opens_at",
            "closes_at",
            "starts_at",
            "ends_at",
            "waitlist_enabled",
        )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        count = SeatCount.objects.filter(cohort=self.instance.pk).first()
        if count is not None:
            self.initial["seats_limit"] = _UNLIMITED if count.capacity is None else _LIMITED
            self.initial["capacity"] = count.capacity

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        if values.get("seats_limit") == _UNLIMITED:
            values["capacity"] = None
        elif values.get("seats_limit") == _LIMITED and values.get("capacity", 0) is None:
            self.add_error("capacity", "Say how many seats there are, or choose No limit.")
        self._in_order("opens_at", "closes_at", "Registration has to close after it opens.")
        self._in_order("starts_at", "ends_at", "The cohort has to end after it starts.")
        if self.refusal is not None:
            self.add_error("capacity", _what_blocks(self.instance, self.refusal))
        return values

    def _in_order(self, first: str, second: str, otherwise: str) -> None:
        before, after = self.cleaned_data.get(first), self.cleaned_data.get(second)
        if before is not None and after is not None and after <= before:
            self.add_error(second, otherwise)


def _what_blocks(cohort: Cohort, refusal: CapacityTooSmall) -> SafeString:
    """The seats room's own words, and who it is about (F45)."""
    return format_html(
        "{} {} {}",
        refusal.detail,
        references.listing(
            Hold, f"cohort={cohort.pk}&state=held", "See who holds seats and until when,"
        ),
        references.listing(Hold, f"cohort={cohort.pk}&state=sold", "or who has one."),
    )
