"""Actions on one record that ask something first: a page with a form, then the flow, then a
message.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from django import forms
from django.contrib import messages
from django.contrib.admin.utils import unquote
from django.db.models import Model
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from unfold.widgets import (
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanSwitchWidget,
)

from matricula.edges.console import references
from matricula.kernel.errors import DomainError

LONGEST_REASON = 500
# What is said before it is done: always the same, or of the record.
Points: TypeAlias = Sequence[str] | Callable[[Any], Sequence[str]]


class ReasonForm(forms.Form):
    """Why it is done."""

    reason = forms.CharField(
        max_length=LONGEST_REASON, widget=UnfoldAdminTextareaWidget({"rows": 3})
    )


class ReferenceForm(forms.Form):
    """Under what it stands on the bank's statement."""

    reference = forms.CharField(max_length=60, widget=UnfoldAdminTextInputWidget())


class RefundForm(ReasonForm):
    """How much of each line is given back."""

    end_access = forms.BooleanField(
        required=False,
        initial=True,
        label="End access to what is refunded",
        widget=UnfoldBooleanSwitchWidget(),
    )


class Acting:
    """For a ModelAdmin: `ask` shows the form of an action and runs it."""

    admin_site: Any
    opts: Any

    def ask(
        self,
        request: HttpRequest,
        object_id: str,
        *,
        title: str,
        points: Points,
        form: Callable[[Any, Any], forms.Form],
        run: Callable[[Any, dict[str, Any]], object],
        done: str,
    ) -> HttpResponse:
        """The page of the action; once it is sent and valid, `run` with the record and the answers.
        A refusal becomes a message, and nothing is changed."""
        record: Model | None = self.get_object(request, unquote(object_id))  # type: ignore[attr-defined]
        if record is None:
            gone: HttpResponse = self._get_obj_does_not_exist_redirect(  # type: ignore[attr-defined]
                request, self.opts, object_id
            )
            return gone
        about = f"admin:{self.opts.app_label}_{self.opts.model_name}_change"
        address = reverse(about, args=[record.pk])
        asked = form(record, request.POST if request.method == "POST" else None)
        if asked.is_valid():
            words, level = _outcome(lambda: run(record, asked.cleaned_data), done)
            self.message_user(request, words, level)  # type: ignore[attr-defined]
            is_there = type(record)._default_manager.filter(pk=record.pk).exists()  # noqa: SLF001 - Django's name
            return HttpResponseRedirect(
                address if is_there else references.changelist(type(record))
            )
        context = {
            **self.admin_site.each_context(request),
            "title": title,
            "opts": self.opts,
            "original": record,
            "points": points(record) if callable(points) else points,
            "form": asked,
            "back": address,
        }
        return TemplateResponse(request, "console/act.html", context)

    def confirm(
        self,
        request: HttpRequest,
        object_id: str,
        *,
        title: str,
        points: Points,
        run: Callable[[Any], object],
        done: str = "Done.",
    ) -> HttpResponse:
        """As `ask`, where there is nothing to answer but yes."""
        return self.ask(
            request,
            object_id,
            title=title,
            points=points,
            form=plain(forms.Form),
            run=lambda record, _: run(record),
            done=done,
        )


def _outcome(run: Callable[[], object], done: str) -> tuple[str, int]:
    """What to tell staff: done, or why not."""
    try:
        run()
    except DomainError as error:
        detail = " ".join(str(entry.message) for entry in error.guidance.errors) or error.detail
        return f"Not done. {detail}", messages.ERROR
    return done, messages.SUCCESS


def plain(form: type[forms.Form]) -> Callable[[Any, Any], forms.Form]:
    """A form that is the same for every record."""
    return lambda _record, posted: form(posted)
