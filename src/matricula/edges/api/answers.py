"""Answers as JSON. Decimals are written digit by digit, never through a float."""

from __future__ import annotations

from typing import Any

import simplejson
from django.http import HttpRequest, HttpResponse
from ninja.renderers import BaseRenderer
from pydantic import BaseModel

MEDIA_TYPE = "application/json"


def to_json(answer: BaseModel) -> str:
    """The answer's JSON text."""
    return simplejson.dumps(answer.model_dump(), use_decimal=True, default=_plain)


def answer(content: BaseModel, status: int = 200) -> HttpResponse:
    """An answer with this content."""
    return HttpResponse(to_json(content), content_type=MEDIA_TYPE, status=status)


def public(response: HttpResponse) -> HttpResponse:
    """Lets any origin read it, without credentials (https://fetch.spec.whatwg.org/#http-cors)."""
    response["Access-Control-Allow-Origin"] = "*"
    response["Access-Control-Expose-Headers"] = "X-Correlation-Id"
    return response


class Renderer(BaseRenderer):
    """The same for the few answers that the framework renders itself."""

    media_type = MEDIA_TYPE

    def render(self, request: HttpRequest, data: Any, *, response_status: int) -> str:  # noqa: ARG002
        return simplejson.dumps(data, use_decimal=True, default=_plain)


def _plain(value: Any) -> str:
    """Moments as RFC 3339 in UTC; ids and enumerations as text."""
    if hasattr(value, "isoformat"):
        text: str = value.isoformat()
        return text.replace("+00:00", "Z")
    return str(value)
