"""Letters to look at: each kind as its reader would see it, for staff and for demos."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpResponse
from django.utils import translation

from matricula.flows.letters import samples
from matricula.kernel.errors import NotFound
from matricula.notifications import rendering
from matricula.notifications.kinds import ALWAYS, KINDS

# A letter brings its styles inside, runs nothing, loads nothing, and is framed by our pages alone.
_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'; sandbox allow-popups"
)


def kinds() -> list[tuple[str, str]]:
    """The kinds that can be looked at, with their subjects."""
    return [(kind, letter.subject) for kind, letter in samples.letters().items()]


def answer(kind: str, part: str, language: str = "") -> HttpResponse:
    """A sample letter, `html` or `text`, in the language. Raises NotFound for what is not there."""
    known = {code for code, _ in settings.LANGUAGES}
    with translation.override(language if language in known else settings.LANGUAGE_CODE):
        letter = samples.letters().get(kind)
        if letter is None or part not in {"html", "text"}:
            raise NotFound
        link = ""
        if KINDS[kind].category not in ALWAYS:
            link = f"{settings.ENVIRONMENT.base_url}/unsubscribe/example/"
        rendered = rendering.render(letter, unsubscribe_url=link)
    if part == "text":
        return HttpResponse(rendered.text, content_type="text/plain; charset=utf-8")
    return alone(rendered.html)


def alone(html: str) -> HttpResponse:
    """The HTML of a letter as a page of its own, without any rights."""
    response = HttpResponse(html)
    response["Content-Security-Policy"] = _POLICY
    response["X-Frame-Options"] = "SAMEORIGIN"
    return response
