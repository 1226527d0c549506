"""The form of a cohort: its dates, and how many seats it has."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.widgets import UnfoldAdminIntegerFieldWidget, UnfoldAdminRadioSelectWidget

from matricula.catalog import registration
from matricula.catalog.models import Cohort
from matricula.edges.console import references
from matricula.seats.errors import CapacityTooSmall
from matricula.seats.models import Hold, SeatCount
from matricula.seats.states import HoldState
from matricula.waitlist import queries
from matricula.waitlist.models import LARGEST_PARTY, LONGEST_OFFER

_LARGEST = 2_147_483_647
LIST_TERMS = ("longest", "offer_hours", "largest_party")
_NAMED = 5
_LIMITED, _UNLIMITED = "limited", "unlimited"


def _number(
    label: str, help_text: str, least: int, most: int, initial: int | None = None
) -> forms.IntegerField:
    """A field for a number that may be left out."""
    return forms.IntegerField(
        label=label,
        help_text=help_text,
        min_value=least,
        max_value=most,
        initial=initial,
        required=False,
        widget=UnfoldAdminIntegerFieldWidget,
    )


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
    capacity = _number(
        "How many seats", "Only with a limited number. 0 admits nobody.", 0, _LARGEST
    )
    longest = _number("Longest waitlist", "Places at most. Empty: no limit.", 0, _LARGEST)
    offer_hours = _number(
        "Hours an offered seat is held",
        "For those who waited. Empty: as the site's setting says.",
        1,
        LONGEST_OFFER,
    )
    largest_party = _number(
        "Largest party",
        "Seats that one place in the waitlist may ask for together. 1: no parties.",
        1,
        LARGEST_PARTY,
        initial=4,
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
        queue = queries.queue(self.instance.pk)
        self.initial.update({name: getattr(queue, name) for name in LIST_TERMS})
        if self.is_bound:  # what a program leaves out stays as it is
            known = {name: self.initial[name] or "" for name in LIST_TERMS}
            self.data = {**known, **dict(self.data.items())}

    def list_terms(self) -> dict[str, int | None]:
        """The terms of the waitlist as they were filled in."""
        terms: dict[str, int | None] = {name: self.cleaned_data.get(name) for name in LIST_TERMS}
        return terms | {"largest_party": terms["largest_party"] or 1}

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        if values.get("seats_limit") == _UNLIMITED:
            values["capacity"] = None
        elif values.get("seats_limit") == _LIMITED and values.get("capacity", 0) is None:
            self.add_error("capacity", "Say how many seats there are, or choose No limit.")
        self._in_order("opens_at", "closes_at", "Registration has to close after it opens.")
        if values.get("closes_at") is None:
            self._opens_before_it_ends()
        self._in_order("starts_at", "ends_at", "The cohort has to end after it starts.")
        if self.refusal is not None:
            self.add_error("capacity", _what_blocks(self.instance, self.refusal))
        return values

    def _opens_before_it_ends(self) -> None:
        dates = {name: self.cleaned_data.get(name) for name in ("starts_at", "ends_at")}
        ends_at = registration.deadline(Cohort(**dates))
        opens_at = self.cleaned_data.get("opens_at")
        if opens_at is not None and ends_at is not None and opens_at >= ends_at:
            self.add_error(
                "opens_at",
                "Without a closing time, registration ends when the cohort starts or ends. Open it "
                "before then, or say when it closes.",
            )

    def _in_order(self, first: str, second: str, otherwise: str) -> None:
        before, after = self.cleaned_data.get(first), self.cleaned_data.get(second)
        if before is not None and after is not None and after <= before:
            self.add_error(second, otherwise)


def _what_blocks(cohort: Cohort, refusal: CapacityTooSmall) -> SafeString:
    """The seats room's own words, and who it is about (F45)."""
    held = Hold.objects.filter(seats=cohort.pk, state=HoldState.HELD).select_related("person")
    names = [
        f"{hold.person.full_name or hold.person.email} until {references.when(hold.expires_at)}"
        for hold in held.order_by("expires_at")[:_NAMED]
    ]
    return format_html(
        "{} {} {} {}",
        refusal.detail,
        f"Held by {'; '.join(names)}." if names else "",
        references.listing(
            Hold, f"cohort={cohort.pk}&state=held", "See who holds seats and until when,"
        ),
        references.listing(Hold, f"cohort={cohort.pk}&state=sold", "or who has one."),
    )
