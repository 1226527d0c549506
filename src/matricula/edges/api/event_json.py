"""Events in the API's shape: one encoder for the documented shape and for every live transport."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from matricula.edges.api import enrollment_schemas as schemas
from matricula.edges.api.answers import to_json
from matricula.kernel import ids
from matricula.kernel.events import RecordedEvent

# Members of an event's data that are ids: UUIDs in the log, TypeIDs outside.
_ID_MEMBERS: dict[str, ids.Prefix] = {
    "course": "crs",
    "cohort": "coh",
    "order": "ord",
    "payment": "pay",
    "refund": "rfd",
    "enrollment": "enr",
    "offer": "off",
    "offers": "off",
}


def event_json(event: RecordedEvent) -> str:
    """The event as JSON text, in the shape of `EventItem`."""
    data = {name: _outside(name, value) for name, value in event.data.items()}
    return to_json(schemas.EventItem(id=event.number, type=event.type, at=event.at, data=data))


def _outside(name: str, value: Any) -> Any:
    if isinstance(value, list):
        return [_outside(name, part) for part in value]
    prefix = _ID_MEMBERS.get(name)
    if prefix is None or not isinstance(value, str):
        return value
    try:
        return ids.to_text(prefix, UUID(value))
    except ValueError:  # another's id, like a gateway's
        return value
