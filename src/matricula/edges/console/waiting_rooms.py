"""Waiting rooms: which cohorts give their seats by turn, and how their lines do."""

# ruff: noqa: ARG002 - overrides keep the parameters that Django's admin gives them

from __future__ import annotations

from typing import Any
from uuid import UUID

from django import forms
from django.contrib.admin.utils import unquote
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.safestring import SafeString
from unfold.decorators import action

from matricula.edges.console import references
from matricula.edges.console.acting import Acting
from matricula.edges.console.base import ConsoleAdmin, column
from matricula.edges.console.recording import actor_id
from matricula.flows import rooms
from matricula.kernel import ids
from matricula.waitingroom import queries
from matricula.waitingroom.models import Room

STATE_COLOURS = {"Closed": "default", "Open": "success", "Paused": "warning", "Closing": "info"}


class RoomAdmin(Acting, ConsoleAdmin):
    """Changed through `flows/rooms.py` alone, which writes the events and tells the seats room."""

    list_display = (
        "cohort_shown",
        "state_label",
        "waiting_shown",
        "oldest_shown",
        "admitted",
        "refused",
        "pace_shown",
    )
    list_display_links = ("cohort_shown",)
    list_filter = ("is_drop", "is_paused")
    search_fields = ("cohort__course__title", "cohort__course__slug", "cohort__name")
    search_help_text = "Name of the course or the cohort"
    ordering = ("cohort_id",)
    sortable_by = ()
    autocomplete_fields = ("cohort",)
    actions_detail = ("pause_room", "resume_room")
    _shown = (
        "state_label",
        "opened_at",
        "waiting_shown",
        "oldest_shown",
        "admitted",
        "refused",
        "pace_shown",
        "moved_at",
    )

    def get_fieldsets(self, request: HttpRequest, obj: Room | None = None) -> Any:
        how = ("is_drop", "opens_above")
        if obj is None:
            return ((None, {"fields": ("cohort", *how)}),)
        return ((None, {"fields": ("cohort_shown", *how)}), ("Now", {"fields": self._shown}))

    def get_readonly_fields(self, request: HttpRequest, obj: Room | None = None) -> Any:
        return ("cohort_shown", *self._shown)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Room]:
        rows: QuerySet[Room] = super().get_queryset(request)
        return queries.with_crowds(rows.select_related("cohort__course"))

    def save_model(
        self, request: HttpRequest, obj: Room, form: forms.BaseForm, change: bool
    ) -> None:
        rooms.set_room(
            obj.cohort_id,
            is_drop=form.cleaned_data["is_drop"],
            opens_above=form.cleaned_data["opens_above"],
            actor_id=actor_id(request),
        )

    # A room that is not wanted any more is closed; its line stays on record.
    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    # Django's own log of edits stays empty: the events are the log.
    def log_addition(self, request: HttpRequest, obj: Model, message: Any) -> None:
        pass

    def log_change(self, request: HttpRequest, obj: Model, message: Any) -> None:
        pass

    def history_of(self, obj: Room) -> str:
        return ids.to_text("coh", obj.cohort_id)

    # --- pausing ----------------------------------------------------------------------------

    def has_steer_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return bool(request.user.has_perm("waitingroom.change_room"))

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> Any:
        room = self.get_object(request, unquote(str(object_id)))
        wanted = "resume_room" if room is not None and room.is_paused else "pause_room"
        found = super().get_actions_detail(request, object_id)
        return [entry for entry in found if wanted in entry.action_name]

    @action(description="Pause", url_path="pause", permissions=["steer"])  # type: ignore[untyped-decorator]
    def pause_room(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._steer(
            request,
            object_id,
            True,
            "Pause",
            "Nobody is let in until you resume. People still join the line, and keep their places; "
            "they are told that it is paused.",
        )

    @action(description="Resume", url_path="resume", permissions=["steer"])  # type: ignore[untyped-decorator]
    def resume_room(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._steer(
            request, object_id, False, "Resume", "People are let in again, in order."
        )

    def _steer(
        self, request: HttpRequest, object_id: str, is_paused: bool, title: str, point: str
    ) -> HttpResponse:
        return self.confirm(
            request,
            object_id,
            title=title,
            points=[point],
            run=lambda room: rooms.pause(room.pk, is_paused, actor_id=actor_id(request)),
            done="The line is paused." if is_paused else "The line moves again.",
        )

    # --- columns ----------------------------------------------------------------------------

    @column("Cohort")
    def cohort_shown(self, room: Room) -> str:
        return str(room.cohort)

    @column("State", colours=STATE_COLOURS)
    def state_label(self, room: Room) -> str:
        if room.opened_at is None:
            return "Closed"
        if room.is_paused:
            return "Paused"
        return "Open" if room.is_drop or room.opens_above is not None else "Closing"

    @column("Waiting")
    def waiting_shown(self, room: Room) -> str:
        return str(getattr(room, "waiting", 0))

    @column("First waits since")
    def oldest_shown(self, room: Room) -> str:
        return references.when(getattr(room, "oldest", None))

    @column("Served a second")
    def pace_shown(self, room: Room) -> str:
        return "-" if room.pace is None else f"{room.pace:.1f}"


def link_of(cohort_id: UUID) -> SafeString:
    """From a cohort to its waiting room, or to setting one up."""
    if Room.objects.filter(pk=cohort_id).exists():
        return references.link(f"{references.changelist(Room)}{cohort_id}/change/", "Waiting room")
    address = f"{references.changelist(Room)}add/?cohort={cohort_id}"
    return references.link(address, "Give its seats in order of arrival")
