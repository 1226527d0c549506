"""What the live edge answers, as the document describes it. The front hands these requests to
`edges/live` before Django sees them: a function of this file runs only where there is no front.
"""

# ruff: noqa: ARG001 - the parameters are what the document says of them

from __future__ import annotations

from typing import Annotated, Any, NoReturn

from django.http import HttpRequest
from ninja import Query, Router
from pydantic import Field, StringConstraints

from matricula.edges.api import enrollment_schemas as schemas
from matricula.edges.api.authentication import SignedIn
from matricula.edges.api.enrollment_json import REFUSALS
from matricula.edges.api.schemas import Problem
from matricula.kernel.errors import NotFound

router = Router()
_LONGEST_EVENT_NUMBER = 2**31 - 1
_LIMITED: dict[int, Any] = {403: Problem, 429: Problem}
Reference = Annotated[str, StringConstraints(min_length=1, max_length=80)]
EventNumber = Annotated[int, Field(ge=0, le=_LONGEST_EVENT_NUMBER)]


@router.get(
    "/enrollments/{enrollment_id}/events/poll",
    tags=["Live"],
    auth=SignedIn(),
    response={200: schemas.EventList, 204: None, **REFUSALS, **_LIMITED},
)
def poll_events(
    request: HttpRequest,
    enrollment_id: str,
    last_event_id: EventNumber = 0,
    timeout: Annotated[int, Field(ge=0, le=60, description="Seconds.")] = 0,
) -> NoReturn:
    """The events after `last_event_id` as soon as there are any. 204 when none came in time, or
    when the enrollment's story is over and nothing is new; then with `X-Story-Over: 1`."""
    raise _NoFront


@router.get(
    "/enrollments/{enrollment_id}/events",
    tags=["Live"],
    auth=SignedIn(),
    response={204: None, **REFUSALS, **_LIMITED},
)
def stream_events(
    request: HttpRequest, enrollment_id: str, last_event_id: EventNumber = 0
) -> NoReturn:
    """The events after `Last-Event-ID` as server-sent events
    (https://html.spec.whatwg.org/multipage/server-sent-events.html): `id` is the event's number,
    `data` an EventItem. Ends when the enrollment's story is over; 204 says that nothing is new.

    The same events come by WebSocket from `/api/v1/live`, and by `…/events/poll`."""
    raise _NoFront


@router.get(
    "/waitlist/{entry_id}/events/poll",
    tags=["Live"],
    auth=SignedIn(),
    response={200: schemas.EventList, 204: None, **REFUSALS, **_LIMITED},
)
def poll_waitlist_events(
    request: HttpRequest,
    entry_id: str,
    last_event_id: EventNumber = 0,
    timeout: Annotated[int, Field(ge=0, le=60, description="Seconds.")] = 0,
) -> NoReturn:
    """What happens to a place in a waitlist, as for an enrollment: joined, skipped, offered,
    accepted, lapsed, left. Positions are no events: ask for the place again."""
    raise _NoFront


@router.get(
    "/waitlist/{entry_id}/events",
    tags=["Live"],
    auth=SignedIn(),
    response={204: None, **REFUSALS, **_LIMITED},
)
def stream_waitlist_events(
    request: HttpRequest, entry_id: str, last_event_id: EventNumber = 0
) -> NoReturn:
    """The same as server-sent events."""
    raise _NoFront


@router.get(
    "/seats/events",
    tags=["Live"],
    auth=None,
    response={400: Problem, 404: Problem, 422: Problem, 429: Problem},
)
def stream_seats(
    request: HttpRequest,
    course: Annotated[list[Reference], Query(min_length=1, max_length=50)],
) -> NoReturn:
    """The seats of some courses (ids or slugs) as server-sent events: `data` is a CourseSeats.
    First each as it is, then each as it changes, at most once a second."""
    raise _NoFront


@router.get(
    "/messages/events",
    tags=["Live"],
    auth=SignedIn(),
    response={400: Problem, 401: Problem, **_LIMITED},
)
def stream_bell(request: HttpRequest) -> NoReturn:
    """How many messages the person has not read, as server-sent events: `data` is `{"unread": 3}`.
    First as it is, then as it changes; 100 stands for 100 or more."""
    raise _NoFront


class _NoFront(NotFound):
    usual_detail = "Live answers are given by the site's front, which this request did not meet."
