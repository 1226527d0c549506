"""Every route of the site, as an address that leads to a real row wherever there is one."""

from __future__ import annotations

import re
from collections.abc import Iterator

from django.db.models import Model
from django.urls import URLPattern, URLResolver, get_resolver

from matricula.catalog.models import Course
from matricula.edges.console.site import console

_PART = re.compile(r"<(?:[a-z]+:)?([a-z_0-9]+)>")
_ID = "00000000000000000000000000"
_SAMPLES = {
    "key": "a:b:c",
    "service": "mailgun",
    "provider": "razorpay",
    "part": "html",
    "kind": "welcome",
    "name": "app.js",
    "number": "1",
    "paper": "invoice",
    "token": "abc",
    "build": "0",
    "message_id": "01890000-0000-7000-8000-000000000000",
    "content_type_id": "1",
    "course_id": f"crs_{_ID}",
    "enrollment_id": f"enr_{_ID}",
    "entry_id": f"wtl_{_ID}",
    "order_id": f"ord_{_ID}",
    "conversation_id": f"sup_{_ID}",
    "offer_id": f"wof_{_ID}",
    "format": "json",
}
_REFERENCES = {
    "pay/": "pay",
    "orders/": "ord",
    "support/": "sup",
    "enrollments/": "enr",
    "waitlist/offers/": "wof",
    "waitlist/": "wtl",
}


def every_pattern() -> Iterator[str]:
    """The patterns of all routes, as Django writes them."""
    yield from _walk(get_resolver().url_patterns, "")


def every_address() -> list[str]:
    """One address for each route. Needs the database, for the ids of rows."""
    slug = Course.objects.order_by("slug").values_list("slug", flat=True)[0]
    rows = console_rows()
    return sorted({_filled(pattern, slug, rows) for pattern in every_pattern()})


def console_rows() -> dict[str, Model | None]:
    """A row of each of the console's models, by where the model's pages start."""
    return {
        f"console/{model._meta.app_label}/{model._meta.model_name}/": model._base_manager.first()
        for model in console._registry
    }


def _walk(patterns: list[URLPattern | URLResolver], start: str) -> Iterator[str]:
    for pattern in patterns:
        text = start + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from _walk(pattern.url_patterns, text)
        else:
            yield text


def _filled(pattern: str, slug: str, rows: dict[str, Model | None]) -> str:
    row = next((row for start, row in rows.items() if pattern.startswith(start)), None)
    kind = next((kind for start, kind in _REFERENCES.items() if pattern.startswith(start)), "enr")
    samples = {
        **_SAMPLES,
        "slug": slug,
        "reference": f"{kind}_{_ID}",
        "object_id": str(row.pk) if row is not None else "1",
    }
    regex = {
        r"^confirm-email/(?P<key>[-:\w]+)/$": "confirm-email/a:b:c/",
        r"^password/reset/key/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>.+)/$": "password/reset/key/1-a/",
        r"(?P<url>.*)$": "nowhere",
    }
    for text, value in regex.items():
        pattern = pattern.replace(text, value)
    pattern = re.sub(r"\^\(\?P<app_label>([a-z]+)[^)]*\)/\$", r"\1/", pattern)
    return "/" + _PART.sub(lambda part: samples[part[1]], pattern)
