"""Request bodies: JSON as RFC 8259 means it, and text that a database can keep."""

from __future__ import annotations

import json
from typing import Any, NoReturn

from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from ninja.parser import Parser

from matricula.kernel.errors import FieldError, Guidance, MalformedRequest, ValidationFailed

DEEPEST = 32


class StrictParser(Parser):
    """Refuses what is JSON only to Python (NaN), nested without end, or not text (NUL, halves of
    surrogate pairs). Raises MalformedRequest, and ValidationFailed for what is no object.
    """

    def parse_body(self, request: HttpRequest) -> Any:
        content = read_json(request.body)
        # Where a body may be left out, null is the same; a PATCH without one asks for nothing.
        may_be_null = request.method != "PATCH"
        if not isinstance(content, dict) and not (content is None and may_be_null):
            # ninja reads attributes of whatever comes, so that a list would be an empty object.
            errors = [FieldError("body", _("An object is wanted."))]
            raise ValidationFailed(guidance=Guidance(errors=errors))
        return content


def read_json(body: bytes) -> Any:
    """What the body holds. Raises MalformedRequest as `StrictParser` promises."""
    try:
        content = json.loads(body.decode("utf-8"), parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise MalformedRequest(_("The body is not JSON in UTF-8.")) from error
    _check(content, depth=0)
    return content


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(name)


def _check(value: Any, depth: int) -> None:
    if depth > DEEPEST:
        raise MalformedRequest(_("The body is nested too deeply."))
    if isinstance(value, str):
        check_text(value)
    elif isinstance(value, list):
        for part in value:
            _check(part, depth + 1)
    elif isinstance(value, dict):
        for name, part in value.items():
            check_text(name)
            _check(part, depth + 1)


def check_text(text: str) -> None:
    """Raises MalformedRequest for text that cannot be stored."""
    if "\x00" in text or any("\ud800" <= letter <= "\udfff" for letter in text):
        raise MalformedRequest(_("Text must not hold NUL or half of a surrogate pair."))
