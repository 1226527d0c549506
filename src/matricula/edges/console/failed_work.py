"""Failed work: what background queues have set aside, tried again or dropped by staff."""

# ruff: noqa: ARG002 - overrides keep the parameters that Django's admin gives them

from __future__ import annotations

from typing import Any

from django.contrib.admin import SimpleListFilter
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from unfold.decorators import action

from matricula.edges.console import references
from matricula.edges.console.acting import Acting
from matricula.edges.console.base import ReadOnlyAdmin, column
from matricula.edges.console.recording import actor_id
from matricula.kernel import failures
from matricula.kernel.models import FailedWork

SET_ASIDE, RETRYING, DROPPED = "set aside", "retrying", "dropped"
_WHERE = {
    SET_ASIDE: {"set_aside_at__isnull": False, "dropped_at__isnull": True},
    RETRYING: {"set_aside_at__isnull": True},
    DROPPED: {"dropped_at__isnull": False},
}


class StateFilter(SimpleListFilter):
    """By what becomes of it; what waits for staff, unless another is asked for."""

    title, parameter_name = "state", "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(state, state.capitalize()) for state in (*_WHERE, "all")]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[FailedWork]
    ) -> QuerySet[FailedWork]:
        where = _WHERE.get(self.value() or SET_ASIDE)
        return queryset if where is None else queryset.filter(**where)


class FailedWorkAdmin(Acting, ReadOnlyAdmin):
    """One item a background queue could not process. The others of its queue went on."""

    list_display = ("queue_title", "reference", "state_shown", "tries", "since", "error")
    list_filter = (StateFilter,)
    search_fields = ("reference",)
    search_help_text = "What failed: an id, or an event's number"
    ordering = ("-failed_at",)
    actions_detail = ("try_again", "drop")
    fields = ("queue_title", "reference", "state_shown", "tries", "error", "since", "next_try")

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> Any:
        return ("queue_title", "state_shown", "since", "next_try")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[FailedWork], search_term: str
    ) -> tuple[QuerySet[FailedWork], bool]:
        term = search_term.strip()
        return (queryset.filter(reference=term) if term else queryset), False

    def has_act_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return bool(request.user.has_perm("kernel.change_failedwork"))

    @action(description="Try again", url_path="again", permissions=["act"])  # type: ignore[untyped-decorator]
    def try_again(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self.confirm(
            request,
            object_id,
            title="Try again",
            points=["It is processed once more, with its tries counted anew."],
            run=lambda work: failures.retry(work, actor_id(request)),
            done="It is tried again.",
        )

    @action(description="Drop", url_path="drop", permissions=["act"])  # type: ignore[untyped-decorator]
    def drop(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self.confirm(
            request,
            object_id,
            title="Drop",
            points=["It is never processed. What was done before it failed stays as it is."],
            run=lambda work: failures.drop(work, actor_id(request)),
            done="It is dropped.",
        )

    @column("Queue")
    def queue_title(self, work: FailedWork) -> str:
        return failures.queue_named(work.queue).title

    @column("State", colours={SET_ASIDE: "danger", RETRYING: "warning", DROPPED: "info"})
    def state_shown(self, work: FailedWork) -> str:
        if work.dropped_at is not None:
            return DROPPED
        return RETRYING if work.set_aside_at is None else SET_ASIDE

    @column("First failed")
    def since(self, work: FailedWork) -> str:
        return references.when(work.failed_at)

    @column("Next try")
    def next_try(self, work: FailedWork) -> str:
        return references.when(work.next_try_at) if work.next_try_at is not None else "none"
