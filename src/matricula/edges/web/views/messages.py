"""What a person was told, which mail they want, and ending mail with one click."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt

from matricula.edges.web.guard import SeeOther, page, person_of
from matricula.kernel.errors import NotFound, ValidationFailed
from matricula.notifications import actions, queries, unsubscribing
from matricula.notifications.kinds import Category


@page("GET")
@login_required
def messages(request: HttpRequest) -> HttpResponse:
    """The person's messages, newest first, a page at a time."""
    before = _moment(request.GET.get("before", ""))
    found = queries.messages_of(person_of(request).pk, before=before, limit=queries.PAGE + 1)
    shown = found[: queries.PAGE]
    older = ""
    if len(found) > queries.PAGE:
        older = f"{reverse('messages')}?before={shown[-1].at:%Y-%m-%dT%H:%M:%S.%fZ}"
    context = {
        "told": shown,
        "has_unread": any(not message.is_read for message in shown),
        "older_url": older,
        "is_first_page": before is None,
    }
    return render(request, "messages/list.html", context)


@page("POST")
@login_required
def read_all(request: HttpRequest) -> HttpResponse:
    """Marks all of them read."""
    actions.mark_read(person_of(request).pk)
    return SeeOther(reverse("messages"))


@page("GET")
@login_required
def follow(request: HttpRequest, message_id: UUID) -> HttpResponse:
    """Goes where the message points, which is then read."""
    person = person_of(request)
    message = queries.message_of(person.pk, message_id)
    if message is None:
        raise NotFound
    actions.mark_read(person.pk, message.id)
    return HttpResponseRedirect(message.url or reverse("messages"))


@page("GET", "POST")
@login_required
def preferences(request: HttpRequest) -> HttpResponse:
    """Which mail the person wants."""
    person = person_of(request)
    choices = queries.preferences_of(person.pk)
    if not person.is_staff:
        choices = {category: on for category, on in choices.items() if category != Category.STAFF}
    if request.method == "POST":
        for category in choices:
            actions.set_preference(person.pk, category, wants_mail=category.value in request.POST)
        return SeeOther(f"{reverse('message_preferences')}?saved=1")
    context: dict[str, Any] = {
        "choices": [(category.value, category.label, on) for category, on in choices.items()],
        "is_saved": "saved" in request.GET,
    }
    return render(request, "messages/preferences.html", context)


@csrf_exempt
@page("GET", "POST")
def unsubscribe(request: HttpRequest, token: str) -> HttpResponse:
    """Ends mail of one category. The link is the proof, so no session is asked for, and mail
    programs post here by themselves (RFC 8058); opening it changes nothing."""
    person_id, category = unsubscribing.read(token)
    if request.method == "POST":
        actions.set_preference(person_id, category, wants_mail=False)
    context = {"category": category.label, "is_done": request.method == "POST"}
    return render(request, "messages/unsubscribe.html", context)


def _moment(text: str) -> datetime | None:
    """A cursor. Raises ValidationFailed for a text that is none."""
    if not text:
        return None
    try:
        found = parse_datetime(text)
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise ValidationFailed(_("This page of messages does not exist."))
    return found
