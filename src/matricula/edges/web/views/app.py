"""What makes the site an app: its manifest, its service worker, and the pages shown offline."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.middleware.csrf import get_token
from django.shortcuts import redirect, render
from django.templatetags.static import static
from django.urls import reverse
from django.utils.translation import get_language, get_language_bidi
from django.utils.translation import gettext as _

from matricula.edges.web.guard import page, visitor_id
from matricula.kernel import ids
from matricula.kernel.errors import NotFound

_STATIC = Path(__file__).resolve().parent.parent / "static"
# What an offline page is made of. Fonts are the system's own.
_SHELL_KINDS = {".css", ".js", ".svg"}
_ICONS = (
    ("icon-192.png", "192x192", "any"),
    ("icon-512.png", "512x512", "any"),
    ("icon-maskable-512.png", "512x512", "maskable"),
)
PAPER = "#faf8f4"


@page("GET", personal=False)
def manifest(request: HttpRequest) -> HttpResponse:  # noqa: ARG001 - the same for everybody
    """https://www.w3.org/TR/appmanifest/"""
    content = {
        "id": "/",
        "name": settings.SITE_NAME,
        "short_name": settings.SITE_NAME,
        "description": _("Find a course, get a seat, pay, and be let in."),
        "lang": get_language(),
        "dir": "rtl" if get_language_bidi() else "ltr",
        "start_url": reverse("catalog"),
        "scope": "/",
        "display": "standalone",
        "background_color": PAPER,
        "theme_color": PAPER,
        "icons": [
            {
                "src": static(f"matricula/{name}"),
                "sizes": sizes,
                "type": "image/png",
                "purpose": purpose,
            }
            for name, sizes, purpose in _ICONS
        ],
        "shortcuts": [{"name": _("My courses"), "url": reverse("my_courses")}],
    }
    return _asset(json.dumps(content), "application/manifest+json")


@page("GET", personal=False)
def worker(request: HttpRequest) -> HttpResponse:  # noqa: ARG001 - the same for everybody
    """The service worker: a few lines that name the build, so that a new build is a new worker.
    It stands at the root, for the whole site."""
    shell = [
        static(str(file.relative_to(_STATIC)))
        for file in sorted((_STATIC / "matricula").rglob("*"))
        if file.suffix in _SHELL_KINDS
    ]
    given = {
        "build": settings.BUILD,
        "shell": shell,
        "pages": {
            "catalog": reverse("catalog"),
            "offline": reverse("offline"),
            "enroll": reverse("offline_enroll"),
        },
    }
    script = (
        f'import {{ serve }} from "{static("matricula/offline/worker.js")}";\n'
        f"serve({json.dumps(given)});\n"
    )
    return _asset(script, "text/javascript")


def _asset(content: str, content_type: str) -> HttpResponse:
    response = HttpResponse(content, content_type=f"{content_type}; charset=utf-8")
    # Asked for anew each time: it names the build.
    response["Cache-Control"] = "no-cache"
    return response


@page("GET", personal=False)
def offline(request: HttpRequest) -> HttpResponse:
    """Shown instead of a page that cannot be reached. The worker keeps it; so it is nobody's."""
    return render(request, "offline/offline.html")


@page("GET", personal=False)
def enroll(request: HttpRequest) -> HttpResponse:
    """Confirming a free course without a connection; scripts fill in which."""
    return render(request, "offline/enroll.html")


@page("GET")
def session(request: HttpRequest) -> HttpResponse:
    """Who is signed in, and the token that a form of theirs would carry: for a request that was
    written down when there was no connection, and is sent now, maybe with no page open."""
    person_id = visitor_id(request)
    content: dict[str, Any] = {
        "person": ids.to_text("usr", person_id) if person_id else None,
        "token": get_token(request),
    }
    response = JsonResponse(content)
    response["Cache-Control"] = "no-store"
    return response


@page("GET", personal=False)
def other_build(request: HttpRequest, build: str, name: str) -> HttpResponse:  # noqa: ARG001
    """A file of another build: a page from before or after an update asks for it. Its present
    text is better than none. Raises NotFound for one that this build does not have."""
    if build == settings.BUILD:
        raise NotFound
    response = redirect(static(f"matricula/{name}"))
    response["Cache-Control"] = "no-store"
    return response
