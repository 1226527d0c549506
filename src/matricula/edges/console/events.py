"""The event log, newest first: who did what, when. It is the audit (F75).

It grows without end, so no page may count it or read it all. Searching a subject goes by its index.
Everything else looks at a bounded stretch of the log, says which, and offers the stretch before it.
"""

# ruff: noqa: ARG002 - overrides keep the parameters that Django's admin gives them

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.conf import settings
from django.contrib.admin import SimpleListFilter
from django.contrib.admin.utils import unquote
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from matricula.accounts.models import Person
from matricula.edges.console import references
from matricula.edges.console.base import ReadOnlyAdmin, column
from matricula.kernel.models import Event

STRETCH = 200_000
RECENT = 2_000
LONGEST_TIMELINE = 200
_SHORT = 10
_LARGEST_SEQ = 2**63 - 1


@dataclass(frozen=True)
class Moment:
    """One line of a timeline."""

    number: int
    type: str
    at: datetime
    actor: SafeString | str
    details: str
    correlation: SafeString | str


def timeline(subject: UUID) -> list[Moment]:
    """What happened to one subject, from the first event on."""
    rows = _with_names(Event.objects.filter(subject=subject)).order_by("subject_seq")
    return moments(rows[:LONGEST_TIMELINE])


class ShowsTimeline:
    """For a ModelAdmin: the page of a record shows what happened to it."""

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        reference = references.read(unquote(object_id))
        told = timeline(reference.value) if reference else []
        context = {**(extra_context or {}), "timeline": told}
        response: HttpResponse = super().change_view(  # type: ignore[misc]
            request, object_id, form_url, context
        )
        return response


def latest(count: int) -> list[tuple[Moment, SafeString]]:
    """The newest events of all, each with a link to its subject."""
    rows = list(_with_names(Event.objects.order_by("-seq"))[:count])
    subjects = [_subject(row) for row in rows]
    return list(zip(moments(rows), subjects, strict=True))


def moments(rows: Sequence[Event] | QuerySet[Event]) -> list[Moment]:
    return [
        Moment(
            number=row.subject_seq,
            type=row.type,
            at=row.at,
            actor=_who(row.actor, getattr(row, "actor_email", None)),
            details=json.dumps(row.data, ensure_ascii=False) if row.data else "",
            correlation=_correlation(row),
        )
        for row in rows
    ]


class TypeFilter(SimpleListFilter):
    """By type, among those that happened lately; any other can be written in the address."""

    title, parameter_name = "type", "type"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        recent = Event.objects.order_by("-seq").values_list("type", flat=True)[:RECENT]
        return [(name, name) for name in sorted({*recent, *filter(None, [self.value()])})]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Event]) -> QuerySet[Event]:
        return queryset.filter(type=self.value()) if self.value() else queryset


class BeforeFilter(SimpleListFilter):
    """Lets `before` stand in the address; `EventAdmin.get_queryset` reads it."""

    title, parameter_name = "before", "before"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return []

    def queryset(self, request: HttpRequest, queryset: QuerySet[Event]) -> QuerySet[Event]:
        return queryset


class EventAdmin(ReadOnlyAdmin):
    """Read-only, like the table itself."""

    list_display = ("happened", "type", "subject_shown", "actor_shown", "correlation_start")
    list_display_links = ("happened",)
    list_filter = (TypeFilter, BeforeFilter)
    list_after_template = "console/stretch.html"
    search_fields = ("seq",)
    search_help_text = "enr_…, usr_…, crs_…, coh_… or correlation id"
    fields = (
        "type",
        "happened",
        "subject_shown",
        "subject_seq",
        "person_shown",
        "actor_shown",
        "correlation",
        "seq",
        "data_shown",
    )
    readonly_fields = (
        "happened",
        "subject_shown",
        "person_shown",
        "actor_shown",
        "correlation",
        "data_shown",
    )

    def get_ordering(self, request: HttpRequest) -> Any:
        # Within one subject the numbers run as the sequence does, and there is an index on them.
        if references.read(request.GET.get("q", "")):
            return ("-subject_seq", "-seq")
        return ("-seq",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Event]:
        return _with_names(super().get_queryset(request))

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Event], search_term: str
    ) -> tuple[QuerySet[Event], bool]:
        reference = references.read(search_term)
        if reference is not None:
            return queryset.filter(subject=reference.value), False
        first, last = _stretch(request)
        rows = queryset.filter(seq__gt=first, seq__lte=last)
        if search_term.strip():
            rows = rows.filter(correlation_id=search_term.strip())
        return rows, False

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        context = dict(extra_context or {})
        if not references.read(request.GET.get("q", "")):
            first, last = _stretch(request)
            older = request.GET.copy()
            older["before"] = str(first + 1)
            older.pop("p", None)
            context |= {
                "first": first + 1,
                "last": last,
                "older": older.urlencode() if first else "",
            }
        response: HttpResponse = super().changelist_view(request, context)
        return response

    @column("When")
    def happened(self, event: Event) -> str:
        return f"{event.at.astimezone(settings.ENVIRONMENT.time_zone):%Y-%m-%d %H:%M:%S %Z}"

    @column("Subject")
    def subject_shown(self, event: Event) -> SafeString:
        return _subject(event)

    @column("Person")
    def person_shown(self, event: Event) -> SafeString | str:
        return _who(event.person, getattr(event, "person_email", None)) if event.person else "-"

    @column("Done by")
    def actor_shown(self, event: Event) -> SafeString | str:
        return _who(event.actor, getattr(event, "actor_email", None))

    @column("Correlation id")
    def correlation(self, event: Event) -> SafeString | str:
        return _correlation(event)

    @column("Correlation id")
    def correlation_start(self, event: Event) -> SafeString | str:
        return _correlation(event, shown=_SHORT)

    @column("Data")
    def data_shown(self, event: Event) -> SafeString:
        return format_html(
            '<pre class="text-xs" style="white-space: pre-wrap; overflow-wrap: anywhere">{}</pre>',
            json.dumps(event.data, indent=2, ensure_ascii=False, sort_keys=True),
        )


def _stretch(request: HttpRequest) -> tuple[int, int]:
    """The stretch of the log to look at: above the first number, up to the last."""
    asked = request.GET.get("before", "")
    is_number = asked.isascii() and asked.isdigit() and len(asked) <= len(str(_LARGEST_SEQ))
    if is_number and 0 < int(asked) <= _LARGEST_SEQ:
        last = int(asked) - 1
    else:
        last = Event.objects.order_by("-seq").values_list("seq", flat=True).first() or 0
    return max(0, last - STRETCH), last


def _with_names(rows: QuerySet[Event]) -> QuerySet[Event]:
    """Adds today's addresses of those concerned, for the reader; the log itself has only ids."""
    return rows.annotate(
        person_email=_address_of("person"),
        actor_email=_address_of("actor"),
    )


def _address_of(name: str) -> Subquery:
    return Subquery(Person.objects.filter(pk=OuterRef(name)).values("email")[:1])


def _who(person_id: UUID | None, email: str | None) -> SafeString | str:
    if person_id is None:
        return "The system"
    return references.page("usr", person_id, email) if email else references.page("usr", person_id)


def _subject(event: Event) -> SafeString:
    text = references.of_event(event.type, event.subject)
    return references.mono(references.listing(Event, f"q={text}", text))


def _correlation(event: Event, shown: int | None = None) -> SafeString | str:
    whole = event.correlation_id
    if not whole:
        return "-"
    words = whole if shown is None or len(whole) <= shown else f"{whole[:shown]}…"
    return references.mono(references.listing(Event, urlencode({"q": whole}), words))
