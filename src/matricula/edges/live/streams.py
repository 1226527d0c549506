"""An enrollment's events as server-sent events."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from django.http import HttpResponse
from pydantic import BaseModel

from matricula.edges.live import identity
from matricula.edges.live.connections import end_of_life
from matricula.edges.live.hub import Delivery
from matricula.edges.live.requests import Answer, LiveRequest
from matricula.edges.live.server_sent import ServerSent
from matricula.edges.live.stories import LARGEST_NUMBER, EventNumber, check_origin, own_story

_DIGITS = len(str(LARGEST_NUMBER))


class StreamQuery(BaseModel):
    last_event_id: EventNumber = 0


async def stream_events(request: LiveRequest) -> Answer:
    """The events after the last one the client knows, until the story is over; 204 when it is over
    and nothing is new."""
    check_origin(request.scope)
    person = await identity.lasting(request)
    after = _last_known(request)
    story = await own_story(
        request.resources.database, person.person_id, request.params["enrollment_id"]
    )
    if story.is_known(after):
        return HttpResponse(status=204)
    hub = request.resources.hub

    def begin(stream: ServerSent) -> Callable[[], None]:
        def feed(deliveries: Sequence[Delivery], more: bool) -> None:
            for delivery in deliveries:
                stream.put(delivery.text, delivery.number)
            story.go_on(deliveries)
            if story.is_over and not more:
                hub.leave(following)
                stream.end()

        following = hub.follow(story.enrollment_id, after, feed)
        return lambda: hub.leave(following)

    return ServerSent(request, person, end_of_life(person.ends_at), begin)


def _last_known(request: LiveRequest) -> int:
    """The header that browsers send when they connect again stands before the address."""
    asked = request.read_query(StreamQuery).last_event_id
    resumed = request.header("last-event-id") or ""
    if resumed.isascii() and resumed.isdigit() and len(resumed) <= _DIGITS:
        return min(int(resumed), LARGEST_NUMBER)
    return asked
