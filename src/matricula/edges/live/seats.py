"""Live seat counts of courses, for anybody."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import psycopg
import structlog
from django.db import Error as DatabaseError
from pydantic import BaseModel, Field, StringConstraints

from matricula.catalog import queries as catalog
from matricula.edges.api.answers import to_json
from matricula.edges.api.schemas import CohortSeats, CourseSeats
from matricula.edges.live.connections import end_of_life
from matricula.edges.live.requests import Answer, LiveRequest, validated
from matricula.edges.live.server_sent import ServerSent
from matricula.edges.live.threads import in_django
from matricula.flows import offer as offers
from matricula.flows.offer import CourseOffer
from matricula.kernel import ids

if TYPE_CHECKING:
    from matricula.edges.live.sockets import Payload, Socket

MOST_COURSES = 50
# A course changes at most so often for those who watch.
PAUSE_SECONDS = 1.0
# Windows open and close without an event.
LONGEST_QUIET_SECONDS = 30.0
log = structlog.get_logger(__name__)

Reference = Annotated[str, StringConstraints(min_length=1, max_length=80)]
# Given what has changed, each as JSON text. Must not block.
Show = Callable[[Sequence[str]], None]


class Watch:
    """One who watches some courses."""

    __slots__ = ("course_ids", "show")

    def __init__(self, course_ids: frozenset[UUID], show: Show) -> None:
        self.course_ids = course_ids
        self.show = show


class Board:
    """The seats that somebody of this process watches. Notices name courses; those that are watched
    are read together, at most once a second, and shown to their watchers if they have changed.
    """

    def __init__(self) -> None:
        self._watches: dict[UUID, set[Watch]] = {}
        self._shown: dict[UUID, str] = {}
        self._course_of: dict[UUID, UUID] = {}  # cohorts of the watched courses
        self._changed: set[UUID] = set()
        self._wake = asyncio.Event()

    def watch(self, course_ids: frozenset[UUID], show: Show) -> Watch:
        """From now on `show` is given these courses: soon as they are, then as they change."""
        watch = Watch(course_ids, show)
        for course_id in course_ids:
            self._watches.setdefault(course_id, set()).add(watch)
        known = [self._shown[course_id] for course_id in course_ids if course_id in self._shown]
        if known:
            show(known)
        self._mark(course_id for course_id in course_ids if course_id not in self._shown)
        return watch

    def leave(self, watch: Watch) -> None:
        """Ends it; a second time does no harm."""
        for course_id in watch.course_ids:
            others = self._watches.get(course_id, set())
            others.discard(watch)
            if not others:
                self._watches.pop(course_id, None)
                self._shown.pop(course_id, None)
        if not self._watches:
            self._course_of.clear()

    def wake(self, named: Iterable[UUID] | None) -> None:
        """Something may have happened to these courses and cohorts; None: to any."""
        if named is None:
            self._mark(self._watches)
        else:
            self._mark(self._course_of.get(one, one) for one in named)

    async def run(self) -> None:
        """Reads and shows until it is cancelled. A database that is away is waited for."""
        while True:
            try:
                async with asyncio.timeout(LONGEST_QUIET_SECONDS):
                    await self._wake.wait()
            except TimeoutError:
                self._mark(self._watches)
            self._wake.clear()
            changed, self._changed = self._changed, set()
            if not changed:
                continue
            try:
                self._show(await in_django(partial(_offers, changed)))
            except (DatabaseError, psycopg.Error) as error:
                log.warning("live_seats_failed", error=str(error))
                self._mark(changed)
            await asyncio.sleep(PAUSE_SECONDS)

    def _mark(self, course_ids: Iterable[UUID]) -> None:
        marked = {course_id for course_id in course_ids if course_id in self._watches}
        if marked:
            self._changed |= marked
            self._wake.set()

    def _show(self, found: Sequence[CourseOffer]) -> None:
        fresh: dict[Watch, list[str]] = {}
        for offer in found:
            course_id, text = offer.course.id, to_json(seats_json(offer))
            if course_id not in self._watches or self._shown.get(course_id) == text:
                continue
            self._shown[course_id] = text
            self._course_of |= {cohort.plan.id: course_id for cohort in offer.cohorts}
            for watch in self._watches[course_id]:
                fresh.setdefault(watch, []).append(text)
        for watch, texts in fresh.items():
            watch.show(texts)


def seats_json(offer: CourseOffer) -> CourseSeats:
    """The seats of a course, as a guest sees it."""
    chosen = offer.chosen
    return CourseSeats(
        course_id=ids.to_text("crs", offer.course.id),
        slug=offer.course.slug,
        capacity=chosen.seats.capacity if chosen else None,
        seats_left=chosen.seats.left if chosen else None,
        state=offer.button.value,
        cohorts=[
            CohortSeats(
                id=ids.to_text("coh", cohort.plan.id),
                capacity=cohort.seats.capacity,
                seats_left=cohort.seats.left,
                window=cohort.window,
            )
            for cohort in offer.cohorts
        ],
    )


class SeatsQuery(BaseModel):
    course: list[Reference] = Field(min_length=1, max_length=MOST_COURSES)


async def stream_seats(request: LiveRequest) -> Answer:
    """The seats of some courses as server-sent events: as they are, then as they change."""
    course_ids = await _known(request.read_query(SeatsQuery).course)
    board = request.resources.board

    def begin(stream: ServerSent) -> Callable[[], None]:
        def show(texts: Sequence[str]) -> None:
            for text in texts:
                stream.put(text)

        watch = board.watch(course_ids, show)
        return lambda: board.leave(watch)

    stream = ServerSent(request, None, end_of_life(None), begin)
    stream.head["Access-Control-Allow-Origin"] = "*"
    return stream


class SubscribeSeats(BaseModel):
    courses: list[Reference] = Field(max_length=MOST_COURSES)


async def subscribe(socket: Socket, given: Payload) -> Payload | None:
    """The same over a socket. Another set takes the place of the former; an empty one ends it, and
    one that is refused leaves it."""
    references = validated(SubscribeSeats, given).courses
    if not references:
        socket.unfollow("seats")
        return {"type": "unsubscribed"}
    course_ids = await _known(references)
    board = socket.resources.board

    def begin() -> Callable[[], None]:
        def show(texts: Sequence[str]) -> None:
            socket.push_text(f'{{"type": "seats", "items": [{", ".join(texts)}]}}')

        watch = board.watch(course_ids, show)
        return lambda: board.leave(watch)

    socket.follow("seats", begin)
    return None


async def _known(references: Sequence[str]) -> frozenset[UUID]:
    """The courses these ids and slugs stand for. Raises NotFound when one is none."""
    return await in_django(partial(catalog.course_ids, references))


def _offers(course_ids: Iterable[UUID]) -> list[CourseOffer]:
    return offers.offers_of(list(catalog.courses_by_id(course_ids).values()), None)
