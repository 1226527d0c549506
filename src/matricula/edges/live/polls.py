"""An enrollment's events for those who can only ask: an answer that waits until there are some."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Annotated
from uuid import UUID

from django.http import HttpResponse
from pydantic import BaseModel, Field

from matricula.edges.api.answers import MEDIA_TYPE
from matricula.edges.live import identity
from matricula.edges.live.hub import Delivery
from matricula.edges.live.identity import Identity
from matricula.edges.live.requests import Answer, LiveRequest
from matricula.edges.live.stories import EventNumber, Story, check_origin, own_story

LONGEST_WAIT = 60  # seconds
READ_SECONDS = 10.0  # for what is there already
STORY_OVER = "X-Story-Over"


class PollQuery(BaseModel):
    last_event_id: EventNumber = 0
    timeout: Annotated[int, Field(ge=0, le=LONGEST_WAIT)] = 0


async def poll_events(request: LiveRequest) -> Answer:
    """The events after `last_event_id` as soon as there are any, or 204 when none came within
    `timeout` seconds, the story is over, or the process stops."""
    check_origin(request.scope)
    person = await identity.lasting(request)
    asked = request.read_query(PollQuery)
    story = await own_story(
        request.resources.database, person.person_id, request.params["enrollment_id"]
    )
    is_waiting = asked.last_event_id >= story.newest
    if is_waiting and (story.is_over or asked.timeout == 0):
        return _nothing(story)
    request.resources.connections.check(person.person_id, request.address)
    poll = _Poll(person, request.address)
    found = await poll.wait(
        request, story, asked.last_event_id, asked.timeout if is_waiting else READ_SECONDS
    )
    return _items(found, story) if found else _nothing(story)


class _Poll:
    """One poll that waits."""

    transport = "poll"
    ends_at = float("inf")

    def __init__(self, who: Identity, address: str) -> None:
        self.identity: Identity | None = who
        self.person_id: UUID | None = who.person_id
        self.address = address
        self._found: asyncio.Future[Sequence[Delivery]] = asyncio.get_running_loop().create_future()

    async def wait(
        self, request: LiveRequest, story: Story, after: int, seconds: float
    ) -> Sequence[Delivery]:
        """What came within these seconds; nothing, if the client or the process goes away."""
        resources = request.resources
        following = resources.hub.follow(story.enrollment_id, after, self._feed)
        gone = asyncio.create_task(self._watch(request))
        resources.connections.enter(self)
        try:
            async with asyncio.timeout(seconds):
                return await self._found
        except TimeoutError:
            return ()
        finally:
            resources.connections.leave(self)
            resources.hub.leave(following)
            gone.cancel()

    def beat(self) -> None: ...

    def finish(self, *, restarting: bool) -> None:  # noqa: ARG002 - it asks again either way
        self._answer(())

    def cut_off(self) -> None:
        self._answer(())  # it asks again, and is refused

    async def _watch(self, request: LiveRequest) -> None:
        while (await request.receive())["type"] != "http.disconnect":
            pass
        self._answer(())

    def _feed(self, deliveries: Sequence[Delivery], more: bool) -> None:  # noqa: ARG002
        if deliveries:
            self._answer(deliveries)

    def _answer(self, found: Sequence[Delivery]) -> None:
        if not self._found.done():
            self._found.set_result(found)


def _items(found: Sequence[Delivery], story: Story) -> HttpResponse:
    story.go_on(found)
    items = ", ".join(delivery.text for delivery in found)
    is_over = "true" if story.is_over and found[-1].number >= story.newest else "false"
    return HttpResponse(f'{{"items": [{items}], "is_over": {is_over}}}', content_type=MEDIA_TYPE)


def _nothing(story: Story) -> HttpResponse:
    answer = HttpResponse(status=204)
    if story.is_over:
        answer[STORY_OVER] = "1"
    return answer
