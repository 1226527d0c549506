"""Every form that changes a record, compared with what a colleague saved since it was opened."""

from __future__ import annotations

import json
from copy import copy
from http import HTTPStatus
from typing import Any

from django.contrib.admin.utils import flatten_fieldsets, unquote
from django.http import HttpRequest, HttpResponse
from unfold.admin import ModelAdmin

from matricula.edges.console import versions


class Versioned(ModelAdmin):  # type: ignore[misc]
    """A form without a version, as a program may send it, is not compared."""

    change_form_before_template = "console/version.html"

    def _changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None,
        form_url: str,
        extra_context: dict[str, Any] | None,
    ) -> HttpResponse:
        """Django calls it inside the transaction of the edit."""
        show = super()._changeform_view
        conflict = self._conflict(request, object_id) if object_id else None
        if conflict is None:
            saved: HttpResponse = show(request, object_id, form_url, extra_context)
            return saved
        # As it is opened anew, but for what was filled in.
        again = copy(request)
        again.method = "GET"
        again.conflict = conflict  # type: ignore[attr-defined]
        context = {**(extra_context or {}), "conflict": conflict, "theirs_url": request.path}
        response: HttpResponse = show(again, object_id, form_url, context)
        response.status_code = HTTPStatus.CONFLICT
        return response

    def _conflict(self, request: HttpRequest, object_id: str) -> versions.Conflict | None:
        """What a colleague saved since the form was opened. A form that is not valid is shown again
        first, with the version it came with."""
        shown = versions.read(request.POST.get(versions.NAME, ""))
        if request.method != "POST" or not shown:
            return None
        row = self.get_object(request, unquote(object_id))
        if row is None or not self.has_change_permission(request, row):
            return None
        locked = self.model.objects.select_for_update(no_key=True, of=("self",)).filter(pk=row.pk)
        list(locked.values_list("pk"))
        forms = self._forms(request, object_id, sent=True)
        if not (forms[0].is_valid() and all(lines.is_valid() for lines in forms[1])):
            return None
        return versions.compare(shown, self._forms(request, object_id, sent=False), forms)

    def _forms(self, request: HttpRequest, object_id: str, *, sent: bool) -> Any:
        """The form and the lines below it, of what is stored or of what was sent."""
        row = self.get_object(request, unquote(object_id))
        fields = flatten_fieldsets(self.get_fieldsets(request, row))
        form_class = self.get_form(request, row, change=True, fields=fields)
        asked = copy(request)
        asked.method = "POST" if sent else "GET"
        form = form_class(request.POST, instance=row) if sent else form_class(instance=row)
        formsets, _inlines = self._create_formsets(asked, row, change=True)
        return form, formsets

    def _create_formsets(self, request: HttpRequest, obj: Any, change: bool) -> Any:
        """Lines that no colleague changed stay as they were filled in."""
        formsets, inlines = super()._create_formsets(request, obj, change)
        conflict = getattr(request, "conflict", None)
        if conflict is None:
            return formsets, inlines
        sent = copy(request)
        sent.method = "POST"
        given, _inlines = super()._create_formsets(sent, obj, change)
        kept = [
            now if now.prefix in conflict.names else mine
            for now, mine in zip(formsets, given, strict=True)
        ]
        return kept, inlines

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any
    ) -> Any:
        form = super().get_form(request, obj, change=change, **kwargs)
        conflict = getattr(request, "conflict", None)
        return _filled_with(form, conflict.kept) if conflict is not None else form

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """Puts the version into a form that can be changed."""
        form = context["adminform"].form
        lines = [inline.formset for inline in context["inline_admin_formsets"]]
        if context.get("original") is not None and request.method == "POST":
            context["version"] = request.POST.get(versions.NAME, "")
        elif context.get("original") is not None:
            context["version"] = json.dumps(self._version(request, form, lines))
        response: HttpResponse = super().render_change_form(request, context, *args, **kwargs)
        return response

    def _version(self, request: HttpRequest, form: Any, lines: Any) -> versions.Version:
        if getattr(request, "conflict", None) is None:
            return versions.version_of(form, lines)
        stored = copy(request)
        stored.conflict = None  # type: ignore[attr-defined]
        return versions.version_of(*self._forms(stored, str(form.instance.pk), sent=False))


def _filled_with(form: Any, values: dict[str, Any]) -> Any:
    """The form class, whose forms start with these values."""

    class Filled(form):  # type: ignore[misc]
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            self.initial.update(values)

    return Filled
