"""What every list and form of the console shares."""

# ruff: noqa: ARG002 - overrides keep the parameters that Django's admin gives them

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any, TypeVar
from urllib.parse import urlencode

from django.conf import settings
from django.contrib.admin import ShowFacets
from django.contrib.admin.utils import unquote
from django.contrib.admin.widgets import (
    AutocompleteMixin,
    AutocompleteSelect,
    AutocompleteSelectMultiple,
)
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.paginator import Paginator
from django.db.models import DateTimeField, Model, QuerySet
from django.forms import Field as FormField
from django.http import (
    HttpRequest,
    HttpResponse,
    HttpResponseNotAllowed,
    HttpResponseRedirect,
)
from django.utils.safestring import SafeString, mark_safe
from unfold.admin import ModelAdmin
from unfold.views import ChangeList
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget

from matricula.edges.console import references
from matricula.edges.console.versioned import Versioned
from matricula.kernel.models import Event

_UNSPEAKABLE = {"password", "digest", "refresh_tokens"}
MOST_COUNTED = 2_000
READING = ("GET", "HEAD")
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


class Choices(UnfoldAdminCheckboxSelectMultipleWidget):  # type: ignore[misc]
    """Unfold's, but long words go on in the next line: cut off, they widen a narrow screen."""

    def render(self, *args: Any, **kwargs: Any) -> SafeString:
        html: SafeString = super().render(*args, **kwargs)
        return mark_safe(html.replace('class="truncate"', 'class="break-words"'))  # noqa: S308 - what stands in it is escaped already


class BoundedPaginator(Paginator):  # type: ignore[type-arg]
    """Counts no further than `MOST_COUNTED`, so that a list opens as fast over ten million rows as
    over ten thousand. What lies beyond is found by filters and search.
    """

    template_name = "console/pagination.html"
    most = MOST_COUNTED

    @cached_property
    def count(self) -> int:
        rows: QuerySet[Any] = self.object_list[:MOST_COUNTED]  # type: ignore[assignment]
        return rows.count()


class ConsoleChangeList(ChangeList):  # type: ignore[misc]
    """A list that doesn't offer to count what it leaves out."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        self.full_result_count = self.result_count


class KnownChoices(AutocompleteMixin):
    """An autocomplete widget in which what is no id of a record is no choice. Django
    would ask the database for it, which fails; the form's field says what is wrong."""

    field: Any

    def optgroups(self, name: str, value: Any, attr: Any = None) -> Any:
        target = self.field.target_field
        known = [part for part in value if not part or _is_valid(target, part)]
        return super().optgroups(name, known, attr)


class RecordChoice(KnownChoices, AutocompleteSelect):
    """One record, found by typing."""


class RecordChoices(KnownChoices, AutocompleteSelectMultiple):
    """Records, found by typing."""


def _is_valid(field: Any, value: Any) -> bool:
    try:
        field.to_python(value)
    except ValidationError:
        return False
    return True


class PlainChoices:
    """Choosing a related record, without pop-ups to edit it: it has a page of its own."""

    def formfield_for_dbfield(
        self, db_field: Any, request: HttpRequest, **kwargs: Any
    ) -> FormField | None:
        field: FormField | None = super().formfield_for_dbfield(  # type: ignore[misc]
            db_field, request, **kwargs
        )
        for offer in _NO_RELATED_LINKS:
            if field is not None and hasattr(field.widget, offer):
                setattr(field.widget, offer, False)
        if field is not None and isinstance(db_field, DateTimeField):
            clock = f"On the clock of {settings.ENVIRONMENT.time_zone}."
            field.help_text = f"{field.help_text} {clock}".strip()
        return field

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        self._find_by_typing(db_field, request, kwargs, RecordChoice)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)  # type: ignore[misc]

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        self._find_by_typing(db_field, request, kwargs, RecordChoices)
        return super().formfield_for_manytomany(db_field, request, **kwargs)  # type: ignore[misc]

    def _find_by_typing(
        self, db_field: Any, request: HttpRequest, options: dict[str, Any], widget: type[Any]
    ) -> None:
        admin: Any = self
        if "widget" not in options and db_field.name in admin.get_autocomplete_fields(request):
            using = options.get("using")
            options["widget"] = widget(db_field, admin.admin_site, using=using)


class ConsoleAdmin(Versioned, PlainChoices, ModelAdmin):  # type: ignore[misc]
    """A list and a form of the console. Nothing is done to many rows at once: each change has its
    own event, and its own reason."""

    actions = None
    list_per_page = 50

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest | None = None) -> bool:
        """As Django's, but for what nobody may ask about: a list narrowed by the beginning of a
        password hash would spell it out."""
        if _UNSPEAKABLE & set(lookup.split("__")):
            return False
        return bool(super().lookup_allowed(lookup, value, request))

    list_max_show_all = 0
    show_full_result_count = False
    show_facets = ShowFacets.NEVER
    paginator = BoundedPaginator
    list_filter_sheet = True
    warn_unsaved_form = True
    delete_confirmation_template = "console/delete.html"

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ConsoleChangeList]:
        return ConsoleChangeList

    def history_of(self, obj: Any) -> str:
        """What to search the events for, to see all that happened to this record; empty: none."""
        return ""

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        has_history = type(self).history_of is not ConsoleAdmin.history_of
        may_see = request.user.has_perm("kernel.view_event")
        context = {**(extra_context or {}), "show_history": has_history and may_see}
        response: HttpResponse = super().changeform_view(request, object_id, form_url, context)
        return response

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The record's events: the log that everything is in, not only what staff did."""
        if request.method not in READING:
            return HttpResponseNotAllowed(READING)
        obj = self.get_object(request, unquote(object_id))
        if obj is None or not self.has_view_or_change_permission(request, obj):
            raise PermissionDenied
        query = urlencode({"q": self.history_of(obj)})
        return HttpResponseRedirect(f"{references.changelist(Event)}?{query}")


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
