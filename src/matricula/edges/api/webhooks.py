"""The webhooks section of the OpenAPI document: what other systems are told, an example each."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from matricula.webhooks import types

_AT = datetime(2026, 11, 25, 10, tzinfo=UTC)
_ID = UUID("019aba5c-f400-7000-8000-000000000001")
_HEADERS = {
    "webhook-id": "The same at every try, and at a replay: by it you know what comes twice.",
    "webhook-timestamp": "When this try was made, in seconds since 1970.",
    "webhook-signature": "Signatures by the endpoint's secrets, with a space between.",
}
_ANSWERS = {
    "2XX": {"description": "Taken. Answer within 15 seconds, and work afterwards."},
    "410": {"description": "Gone: the endpoint is disabled at once."},
    "default": {"description": "Tried again, for three days. Redirects are not followed."},
}


def webhooks() -> dict[str, Any]:
    """One operation for each event type (https://spec.openapis.org/oas/v3.1.1#oas-webhooks)."""
    told = {type_: _operation(words, _example(type_)) for type_, words in types.TYPES.items()}
    test = _operation("Sent by staff to try an endpoint.", types.test_payload(_AT))
    return {type_: {"post": operation} for type_, operation in (told | {types.TEST: test}).items()}


def _operation(words: str, example: dict[str, Any]) -> dict[str, Any]:
    content = {"schema": _schema(example), "example": example}
    return {
        "summary": words,
        "description": "Signed by Standard Webhooks 1.0. Those of one subject come in order.",
        "tags": ["Webhooks"],
        "parameters": [
            {
                "in": "header",
                "name": name,
                "required": True,
                "description": meaning,
                "schema": {"type": "string"},
            }
            for name, meaning in _HEADERS.items()
        ],
        "requestBody": {"content": {"application/json": content}},
        "responses": _ANSWERS,
    }


def _schema(example: dict[str, Any]) -> dict[str, Any]:
    properties = {name: {"type": _kind(name, value)} for name, value in example["data"].items()}
    return {
        "type": "object",
        "required": ["type", "timestamp", "data"],
        "properties": {
            "type": {"const": example["type"]},
            "timestamp": {"type": "string", "format": "date-time"},
            "data": {
                "type": "object",
                "required": list(properties),
                "properties": properties,
                "additionalProperties": True,
            },
        },
    }


def _kind(name: str, value: object) -> str | list[str]:
    if name == "person_id":
        return ["string", "null"]
    return "integer" if isinstance(value, int) else "string"


def _example(type_: str) -> dict[str, Any]:
    return types.payload(
        type_, _AT, event_id=_ID, number=3, subject=_ID, person=_ID, data=_example_data(type_)
    )


def _example_data(type_: str) -> dict[str, Any]:
    """What an event of this type always has of its own."""
    if type_.startswith(("enrollment.", "waitlist.")):
        return {"course": str(_ID), "cohort": str(_ID)}
    if type_.startswith("support.") and type_ != "support.opened":
        return {"number": 2, "author": "staff"}
    return {}
