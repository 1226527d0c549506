"""What every list and form of the console shares."""

# ruff: noqa: ARG002 - overrides keep the parameters that Django's admin gives them

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any, TypeVar

from django.contrib.admin import ShowFacets
from django.core.paginator import Paginator
from django.db.models import Model, QuerySet
from django.forms import Field as FormField
from django.http import HttpRequest
from unfold.admin import ModelAdmin

MOST_COUNTED = 2_000
_NO_RELATED_LINKS = (
    "can_add_related",
    "can_change_related",
    "can_delete_related",
    "can_view_related",
)
F = TypeVar("F", bound=Callable[..., Any])


def column(
    title: str, *, colours: Mapping[str, str] | None = None, order: str | None = None
) -> Callable[[F], F]:
    """Names a column or a read-only field. With `colours` (value to unfold's variant) the value is
    shown as a label."""

    def mark(method: F) -> F:
        method.short_description = title  # type: ignore[attr-defined]
        if colours is not None:
            method.label = dict(colours)  # type: ignore[attr-defined]
        if order is not None:
            method.admin_order_field = order  # type: ignore[attr-defined]
        return method

    return mark


class BoundedPaginator(Paginator):  # type: ignore[type-arg]
    """Counts no further than `MOST_COUNTED`, so that a list opens as fast over ten million rows as
    over ten thousand. What lies beyond is found by filters and search.
    """

    @cached_property
    def count(self) -> int:
        rows: QuerySet[Any] = self.object_list[:MOST_COUNTED]  # type: ignore[assignment]
        return rows.count()


class ConsoleAdmin(ModelAdmin):  # type: ignore[misc]
    """A list and a form of the console. Nothing is done to many rows at once: each change has its
    own event, and its own reason."""

    actions = None
    list_per_page = 50
    list_max_show_all = 0
    show_full_result_count = False
    show_facets = ShowFacets.NEVER
    paginator = BoundedPaginator
    list_filter_sheet = True
    warn_unsaved_form = True

    def formfield_for_dbfield(
        self, db_field: Any, request: HttpRequest, **kwargs: Any
    ) -> FormField | None:
        field: FormField | None = super().formfield_for_dbfield(db_field, request, **kwargs)
        # Related records have pages of their own; pop-ups to edit them from here only confuse.
        for offer in _NO_RELATED_LINKS:
            if field is not None and hasattr(field.widget, offer):
                setattr(field.widget, offer, False)
        return field


class ReadOnlyAdmin(ConsoleAdmin):
    """Shown, never edited here. Sorted one way only, by what has an index."""

    sortable_by = ()
    warn_unsaved_form = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False
