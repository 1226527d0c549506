"""Roles: named sets of permissions (Django's groups). Superusers alone see and make them."""

# ruff: noqa: ARG002 - overrides keep the parameters that Django's admin gives them

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID, uuid5

from django.contrib.auth.models import Permission
from django.db.models import Model, Q, QuerySet
from django.forms import BaseForm, BaseFormSet
from django.http import HttpRequest

from matricula.edges.console.base import Choices, ConsoleAdmin
from matricula.edges.console.recording import Changes, RecordsEvents

# A group has a number, an event's subject is a UUID: the same number always makes the same one.
_ROLES = UUID("0b7b1f5e-6f0e-5c55-9d0c-6a3d6f8f2a41")

# What the console can act on. The rest of Django's list would be switches without a wire.
_USABLE: dict[str, dict[str, tuple[str, ...]]] = {
    "catalog": {
        "course": ("view", "add", "change", "delete"),
        "courseprice": ("view", "add", "change", "delete"),
        "cohort": ("view", "add", "change", "delete"),
        "cohortmeeting": ("view", "add", "change", "delete"),
        "categorylimit": ("view", "add", "change", "delete"),
    },
    "accounts": {
        "person": ("view", "change"),
        "learnergroup": ("view", "add", "change", "delete"),
    },
    "enrollments": {
        "enrollment": ("view", "change"),
        "completion": ("view", "add", "delete"),
        "override": ("view", "add"),
    },
    "seats": {"hold": ("view",)},
    "waitingroom": {"room": ("view", "add", "change")},
    "waitlist": {
        "entry": ("view", "change"),
        "prioritygroup": ("view", "add", "change", "delete"),
        "listmessage": ("add",),
    },
    "orders": {
        "order": ("view",),
        "refundstep": ("view", "add", "change", "delete"),
    },
    "payments": {
        "payment": ("view",),
        "refund": ("view", "change"),
        "dispute": ("view",),
        "stafftask": ("view",),
        "inboxevent": ("view",),
        "rejectedwebhook": ("view",),
    },
    "pricing": {
        "coupon": ("view", "add", "change", "delete"),
        "taxrate": ("view", "add", "change", "delete"),
        "seller": ("view", "add", "change"),
    },
    "taxids": {"taxid": ("view", "change")},
    "webhooks": {"endpoint": ("view", "add", "change", "delete"), "delivery": ("view",)},
    "support": {
        "conversation": ("view", "change"),
        "cannedanswer": ("view", "add", "change", "delete"),
    },
    "notifications": {
        "delivery": ("view", "change"),
        "suppressedaddress": ("view", "delete"),
    },
    "kernel": {"event": ("view",)},
}


def usable_permissions() -> QuerySet[Permission]:
    """The permissions that mean something in the console."""
    wanted = Q()
    for app, models in _USABLE.items():
        codenames = [f"{verb}_{model}" for model, verbs in models.items() for verb in verbs]
        wanted |= Q(content_type__app_label=app, codename__in=codenames)
    return Permission.objects.filter(wanted).select_related("content_type")


def as_checkboxes(field: Any) -> Any:
    """A choice of roles or of usable permissions, as boxes to tick."""
    if field.queryset.model is Permission:
        field.queryset = usable_permissions()
        field.label_from_instance = lambda permission: permission.name
    field.widget = Choices(choices=field.choices)
    field.help_text = ""
    return field


class RoleAdmin(RecordsEvents, ConsoleAdmin):
    event_kind = "role"
    list_display = ("name",)
    search_fields = ("name",)
    ordering = ("name",)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return bool(getattr(request.user, "is_superuser", False))

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return self.has_view_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return self.has_view_permission(request, obj)

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        field = super().formfield_for_manytomany(db_field, request, **kwargs)
        return as_checkboxes(field) if db_field.name == "permissions" else field

    def history_of(self, obj: Model) -> str:
        return str(self.subject_of(obj))

    def subject_of(self, obj: Model) -> UUID:
        return uuid5(_ROLES, str(obj.pk))

    def changes(self, form: BaseForm, formsets: Sequence[BaseFormSet[Any]], add: bool) -> Changes:
        """Permissions by their names: the numbers differ between installations."""
        changes = super().changes(form, formsets, add)
        changes["role"] = form.instance.pk  # type: ignore[attr-defined]
        if "permissions" in form.changed_data:
            before = set() if add else {part.codename for part in form.initial["permissions"]}
            after = {part.codename for part in form.cleaned_data["permissions"]}
            changes["permissions"] = {"old": sorted(before), "new": sorted(after)}
        return changes

    def last_values(self, obj: Model) -> Changes:
        return {"role": obj.pk}
