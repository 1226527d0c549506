"""What can be said over a WebSocket. One line a type: add yours here, its code in a file of its
own.

A handler is `async def (Socket, Payload) -> Payload | None`; what it answers is sent back. It
raises DomainErrors as any API operation does: the client gets the problem as a message of type
`error`. Work for Django's ORM goes through `threads.in_django`. To tell a person something live,
append an event whose subject is theirs (the conversation, or the person) and have the socket
`follow` it through `resources.hub`, as `subscribe` does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from pydantic import BaseModel

from matricula.edges.live import bells, seats, support
from matricula.edges.live.hub import Delivery
from matricula.edges.live.requests import validated
from matricula.edges.live.sockets import Handle, Payload, Socket
from matricula.edges.live.stories import EventNumber, own_story


class Subscribe(BaseModel):
    enrollment_id: str
    last_event_id: EventNumber = 0


class Unsubscribe(BaseModel):
    enrollment_id: str


async def authenticate(_socket: Socket, _given: Payload) -> Payload:
    """The token itself was read when the message came: it may stand in any first message."""
    _ = _socket.person
    return {"type": "authenticated"}


async def ping(_socket: Socket, _given: Payload) -> Payload:
    return {"type": "pong"}


async def subscribe(socket: Socket, given: Payload) -> Payload:
    """Follows one of the person's enrollments until its story is over."""
    asked = validated(Subscribe, given)
    reference = asked.enrollment_id
    story = await own_story(socket.resources.database, socket.person.person_id, reference)
    hub = socket.resources.hub
    name = f"enrollment {reference}"

    def begin() -> Callable[[], None]:
        def feed(deliveries: Sequence[Delivery], more: bool) -> None:
            for delivery in deliveries:
                socket.push_text(
                    f'{{"type": "event", "enrollment_id": "{reference}", "event": {delivery.text}}}'
                )
            story.go_on(deliveries)
            if story.is_over and not more:
                socket.unfollow(name)
                socket.push({"type": "over", "enrollment_id": reference})

        following = hub.follow(story.enrollment_id, asked.last_event_id, feed)
        return lambda: hub.leave(following)

    socket.follow(name, begin)
    return {"type": "subscribed"}


async def unsubscribe(socket: Socket, given: Payload) -> Payload:
    asked = validated(Unsubscribe, given)
    socket.unfollow(f"enrollment {asked.enrollment_id}")
    return {"type": "unsubscribed"}


MESSAGES: Mapping[str, Handle] = {
    "authenticate": authenticate,
    "ping": ping,
    "subscribe": subscribe,
    "unsubscribe": unsubscribe,
    "messages.subscribe": bells.subscribe,
    "seats.subscribe": seats.subscribe,
    "support.message": support.say,
    "support.subscribe": support.subscribe,
}
