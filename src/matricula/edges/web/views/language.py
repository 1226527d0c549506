"""The language of the site, chosen by a form: kept on this device and for the person."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from matricula.accounts import profiles
from matricula.edges import languages
from matricula.edges.web.guard import SeeOther, page, visitor_id
from matricula.kernel.errors import FieldError, Guidance, ValidationFailed


@page("GET", "POST")
def language(request: HttpRequest) -> HttpResponse:
    """Shows the languages, each by its own name, and keeps the one that is chosen. `next` leads
    back. Raises ValidationFailed for a language that the site does not have."""
    if request.method == "POST":
        code = request.POST.get("language", "")
        if not languages.is_known(code):
            wrong = FieldError("language", _("Choose one of the languages of this site."))
            raise ValidationFailed(guidance=Guidance(errors=[wrong]))
        person_id = visitor_id(request)
        if person_id is not None:
            profiles.change(person_id, language=code)
        response = SeeOther(_back(request.POST.get("next", "")))
        languages.remember(response, code)
        return response
    offered = [(code, name) for code, name in settings.LANGUAGES if code != languages.PSEUDO]
    context = {
        "offered": offered,
        "chosen": get_language(),
        "back": _back(request.GET.get("next", "")),
    }
    return render(request, "language.html", context)


def _back(asked: str) -> str:
    """A path of this site, without the language that its address may ask for."""
    if not asked.startswith("/") or not url_has_allowed_host_and_scheme(asked, allowed_hosts=None):
        return "/"
    parts = urlsplit(asked)
    kept = [pair for pair in parse_qsl(parts.query, True) if pair[0] != languages.PARAMETER]
    return urlunsplit(("", "", parts.path, urlencode(kept), ""))
