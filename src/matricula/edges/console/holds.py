"""Who holds which seat, until when (F45)."""

# ruff: noqa: ARG002 - overrides keep the parameters that Django's admin gives them

from __future__ import annotations

from typing import Any

from django.contrib.admin import SimpleListFilter
from django.db.models import F, OuterRef, QuerySet, Subquery
from django.http import HttpRequest
from django.utils.safestring import SafeString

from matricula.accounts.models import Person
from matricula.catalog.models import Cohort
from matricula.edges.console import references
from matricula.edges.console.base import ReadOnlyAdmin, column
from matricula.edges.console.filters import MOST_CHOICES, CohortFilter
from matricula.edges.console.finding import FoundByReference
from matricula.kernel import ids
from matricula.seats.models import Hold, SeatCount
from matricula.seats.states import HoldState
from matricula.waitlist.models import Offer

STATE_COLOURS = {"Held": "warning", "Sold": "success", "Released": "default", "Expired": "default"}
_ANY = "any"


class HeldCohortFilter(CohortFilter):
    """By cohort: those where seats are held at the moment, and the chosen one."""

    column = "seats"

    def known(self, request: HttpRequest) -> list[tuple[str, str]]:
        choices = super().known(request)
        held = Cohort.objects.filter(pk__in=SeatCount.objects.filter(held__gt=0).values("pk"))
        named = held.order_by("course__title", "name").values_list("pk", "name", "course__title")
        known = dict(choices)
        return choices + [
            (str(pk), f"{name} ({title})")
            for pk, name, title in named[:MOST_CHOICES]
            if str(pk) not in known
        ]


class StateFilter(SimpleListFilter):
    """Seats held now, unless others are asked for: that is what the page is opened for."""

    title, parameter_name = "state", "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        others = [(state.value, state.label) for state in HoldState if state != HoldState.HELD]
        return [*others, (_ANY, "All")]

    def choices(self, changelist: Any) -> Any:
        first, *others = super().choices(changelist)
        yield {
            **first,
            "display": "Held now",
            "selected": self.value() in (None, HoldState.HELD.value),
        }
        yield from others

    def queryset(self, request: HttpRequest, queryset: QuerySet[Hold]) -> QuerySet[Hold]:
        state = self.value() or HoldState.HELD.value
        if state == HoldState.HELD.value:
            return queryset.filter(state=HoldState.HELD)
        return queryset if state == _ANY else queryset.filter(state=state)


class HoldAdmin(FoundByReference, ReadOnlyAdmin):
    """Seats in people's names. They end by paying, cancelling or running out, never by hand."""

    list_display = ("person_shown", "cohort_shown", "state_label", "until", "since", "serves")
    list_display_links = None
    list_filter = (StateFilter, HeldCohortFilter)
    search_fields = ("id",)
    found_by = {"": "key", "hld": "pk", "usr": "person", "coh": "seats", "enr": "key"}
    search_help_text = "Whole address, usr_…, coh_… or enr_…"
    fields = (
        "person_shown",
        "cohort_shown",
        "state_label",
        "until",
        "since",
        "ended_at",
        "serves",
        "reference",
    )
    readonly_fields = fields

    def get_ordering(self, request: HttpRequest) -> Any:
        # What ends first is on top, by the index that serves the sweep; the rest newest first.
        if request.GET.get("state", HoldState.HELD.value) == HoldState.HELD.value:
            return ("expires_at", "id")
        return ("-id",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Hold]:
        rows: QuerySet[Hold] = super().get_queryset(request)
        return rows.select_related("person").annotate(
            cohort_name=F("seats__cohort__name"),
            course_title=F("seats__cohort__course__title"),
            # A seat that is offered to somebody who waited has no enrollment yet.
            place_waiting=Subquery(Offer.objects.filter(pk=OuterRef("key")).values("entry")[:1]),
        )

    @column("Person")
    def person_shown(self, hold: Hold) -> SafeString:
        return references.page("usr", hold.person_id, _name(hold.person))

    @column("Cohort")
    def cohort_shown(self, hold: Hold) -> SafeString:
        words = f"{hold.course_title}: {hold.cohort_name}"  # type: ignore[attr-defined]
        return references.page("coh", hold.seats_id, words)

    @column("State", colours=STATE_COLOURS)
    def state_label(self, hold: Hold) -> str:
        return HoldState(hold.state).label

    @column("Since")
    def since(self, hold: Hold) -> str:
        return references.when(hold.created_at)

    @column("Until")
    def until(self, hold: Hold) -> str:
        return references.when(hold.expires_at)

    @column("For")
    def serves(self, hold: Hold) -> SafeString:
        place = getattr(hold, "place_waiting", None)
        return references.page("wtl", place) if place else references.page("enr", hold.key)

    @column("Id")
    def reference(self, hold: Hold) -> SafeString:
        return references.mono(ids.to_text("hld", hold.pk))


def _name(person: Person) -> str:
    return f"{person.full_name} ({person.email})" if person.full_name else person.email
