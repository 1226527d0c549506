"""Events in the API's shape: one encoder for the documented shape and for every live transport."""

from __future__ import annotations

from matricula.edges.api import enrollment_schemas as schemas
from matricula.edges.api.answers import to_json
from matricula.kernel.events import RecordedEvent, public_data


def event_json(event: RecordedEvent) -> str:
    """The event as JSON text, in the shape of `EventItem`."""
    data = public_data(event.data)
    return to_json(schemas.EventItem(id=event.number, type=event.type, at=event.at, data=data))
