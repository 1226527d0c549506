"""Why a staff edit is in the event log: the one mixin that puts it there.

Django's own log of admin actions stays empty. It would be a second, weaker truth: it can be edited,
holds names, and is not written by anything but the admin.
"""

# ruff: noqa: ARG002 - overrides keep the parameters that Django's admin gives them

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, time
from decimal import Decimal
from typing import Any, ClassVar, Protocol
from uuid import UUID

from django.db import transaction
from django.db.models import Model
from django.forms import BaseForm, BaseFormSet
from django.http import HttpRequest

from matricula.kernel import events
from matricula.kernel.events import NewEvent

Changes = dict[str, Any]


class _Staff(Protocol):
    pk: UUID


def actor_id(request: HttpRequest) -> UUID:
    """The member of staff who asks."""
    staff: _Staff = request.user  # type: ignore[assignment]
    return staff.pk


def plain(value: Any) -> Any:
    """The value as JSON can hold it; records become their ids."""
    if isinstance(value, Model):
        value = value.pk
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, UUID | Decimal):
        return str(value)
    if isinstance(value, Iterable) and not isinstance(value, str):
        return sorted(plain(part) for part in value)
    return value


def _columns(obj: Model) -> Iterable[Any]:
    return obj._meta.concrete_fields  # noqa: SLF001 - public in all but name


def _event_data(changes: Changes) -> dict[str, Any]:
    """`fields` names what was edited; old and new values stand under `changes`, because a member of
    an event's data has one meaning whoever writes it: `course` is an id, never a change of one."""
    values = {name: value for name, value in changes.items() if name != "fields"}
    data = {"fields": changes["fields"]} if "fields" in changes else {}
    return data | ({"changes": values} if values else {})


class RecordsEvents:
    """For a ModelAdmin: every add, change and delete appends `<kind>.created`, `.changed` or
    `.deleted` in its own transaction, with the names of the changed fields.

    Only the fields in `recorded` have their values written, old and new: list none that could hold
    personal data. The subject's row is locked before anything is read, since events are numbered
    per subject.
    """

    model: type[Any]
    event_kind: ClassVar[str]
    recorded: ClassVar[Sequence[str]] = ()

    def subject_of(self, obj: Model) -> UUID:
        """Whom the events are about."""
        subject: UUID = obj.pk
        return subject

    def person_of(self, obj: Model) -> UUID | None:
        """The person concerned, if it is about one."""
        return None

    def changes(self, form: BaseForm, formsets: Sequence[BaseFormSet[Any]], add: bool) -> Changes:
        """What a valid form changes: `fields`, and old and new of those in `recorded`."""
        changes: Changes = {"fields": list(form.changed_data)}
        for name in self.recorded:
            if name in form.changed_data or (add and name in form.cleaned_data):
                old = None if add else plain(form.initial.get(name))
                changes[name] = {"old": old, "new": plain(form.cleaned_data[name])}
        return changes

    def further_events(
        self,
        request: HttpRequest,
        obj: Model,
        formsets: Sequence[BaseFormSet[Any]],
    ) -> list[NewEvent]:
        """Events of their own that the forms below the main one deserve."""
        return []

    def get_object(
        self, request: HttpRequest, object_id: str, from_field: str | None = None
    ) -> Model | None:
        found: Model | None = super().get_object(request, object_id, from_field)  # type: ignore[misc]
        # Without a transaction nothing would be held, as on the page of an action that has its own.
        is_edited = request.method == "POST" and transaction.get_connection().in_atomic_block
        if found is None or not is_edited:
            return found
        # NO KEY: whoever enrolls meanwhile only needs to know that the row stays.
        rows = self.model.objects.select_for_update(no_key=True, of=("self",))
        list(rows.filter(pk=found.pk).values_list("pk"))
        locked: Model | None = super().get_object(request, object_id, from_field)  # type: ignore[misc]
        return locked

    # Django calls these four inside the transaction of the edit.

    def construct_change_message(
        self,
        request: HttpRequest,
        form: BaseForm,
        formsets: Sequence[BaseFormSet[Any]],
        add: bool = False,
    ) -> tuple[Changes, list[NewEvent]]:
        changes = self.changes(form, formsets, add)
        obj: Model = form.instance  # type: ignore[attr-defined]
        return changes, self.further_events(request, obj, formsets)

    def log_addition(
        self, request: HttpRequest, obj: Model, message: tuple[Changes, list[NewEvent]]
    ) -> None:
        changes, further = message
        events.append([self._event(request, obj, "created", changes), *further])

    def log_change(
        self, request: HttpRequest, obj: Model, message: tuple[Changes, list[NewEvent]]
    ) -> None:
        changes, further = message
        own = [self._event(request, obj, "changed", changes)] if changes["fields"] else []
        events.append([*own, *further])

    def log_deletions(self, request: HttpRequest, queryset: Iterable[Model]) -> None:
        events.append(
            [self._event(request, obj, "deleted", self.last_values(obj)) for obj in queryset]
        )

    def last_values(self, obj: Model) -> Changes:
        """What a deleted record was: the plain values among those `recorded`."""
        own = {field.name: field.attname for field in _columns(obj)}
        return {
            name: {"old": plain(getattr(obj, own[name])), "new": None}
            for name in self.recorded
            if name in own
        }

    def _event(self, request: HttpRequest, obj: Model, what: str, data: Changes) -> NewEvent:
        return NewEvent(
            type=f"{self.event_kind}.{what}",
            subject=self.subject_of(obj),
            person=self.person_of(obj),
            actor=actor_id(request),
            data=_event_data(data),
        )
