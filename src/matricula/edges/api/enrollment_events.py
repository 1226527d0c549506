"""What happens to an enrollment, as events."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from ninja import Router
from pydantic import Field

from matricula.edges.api import enrollment_schemas as schemas
from matricula.edges.api.answers import answer, to_json
from matricula.edges.api.authentication import SignedIn
from matricula.edges.api.enrollment_json import REFUSALS, own_enrollment
from matricula.enrollments.states import Status
from matricula.kernel import events, ids

router = Router(tags=["Enrollments"], auth=SignedIn())
_LONGEST_EVENT_NUMBER = 2**31 - 1
_DIGITS = 10
# Members of an event's data that are ids: UUIDs in the log, TypeIDs outside.
_ID_MEMBERS: dict[str, ids.Prefix] = {
    "course": "crs",
    "cohort": "coh",
    "order": "ord",
    "payment": "pay",
    "refund": "rfd",
}

EventNumber = Annotated[int, Field(ge=0, le=_LONGEST_EVENT_NUMBER)]


@router.get(
    "/enrollments/{enrollment_id}/events/poll",
    response={200: schemas.EventList, 204: None, **REFUSALS},
)
def poll_events(
    request: HttpRequest,
    enrollment_id: str,
    last_event_id: EventNumber = 0,
    timeout: Annotated[int, Field(ge=0, le=60)] = 0,  # noqa: ARG001 - the longest it may take
) -> HttpResponse:
    """The events after `last_event_id`, or 204 when there are none yet. Answers at once."""
    record = own_enrollment(request, enrollment_id)
    found = events.of_subject(record.id, after=last_event_id)
    if not found:
        return HttpResponse(status=204)
    return answer(schemas.EventList(items=[_event(event) for event in found]))


@router.get("/enrollments/{enrollment_id}/events", response={204: None, **REFUSALS})
def stream_events(
    request: HttpRequest, enrollment_id: str, last_event_id: EventNumber = 0
) -> HttpResponse | StreamingHttpResponse:
    """The events after `Last-Event-ID` as server-sent events
    (https://html.spec.whatwg.org/multipage/server-sent-events.html). What there is, is sent; then
    the client connects again by itself, until 204 says that no more will come."""
    record = own_enrollment(request, enrollment_id)
    resumed = request.headers.get("Last-Event-ID", "")
    if resumed.isascii() and resumed.isdigit() and len(resumed) < _DIGITS:
        last_event_id = int(resumed)
    found = events.of_subject(record.id, after=last_event_id)
    if not found and record.status is not Status.PENDING:
        return HttpResponse(status=204)
    response = StreamingHttpResponse(_server_sent(found), content_type="text/event-stream")
    response["Cache-Control"] = "no-store"
    return response


def _server_sent(found: list[events.RecordedEvent]) -> Iterator[str]:
    yield f"retry: {settings.EVENTS_RETRY_MILLISECONDS}\n\n"
    for event in found:
        yield f"id: {event.number}\ndata: {to_json(_event(event))}\n\n"


def _event(event: events.RecordedEvent) -> schemas.EventItem:
    data = {
        name: ids.to_text(_ID_MEMBERS[name], UUID(value))
        if value and name in _ID_MEMBERS
        else value
        for name, value in event.data.items()
    }
    return schemas.EventItem(id=event.number, type=event.type, at=event.at, data=data)
