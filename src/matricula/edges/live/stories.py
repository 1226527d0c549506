"""What is common to all who follow an enrollment, by whatever transport."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated
from urllib.parse import urlsplit
from uuid import UUID

from django.conf import settings
from pydantic import Field

from matricula.edges.live.database import Database
from matricula.edges.live.hub import Delivery
from matricula.edges.live.requests import Scope, header
from matricula.enrollments import queries
from matricula.enrollments.states import AFTER_EVENT, STATUS_OF, Stage, Status
from matricula.kernel import ids
from matricula.kernel.errors import AuthenticationRequired, NotFound, PermissionDenied
from matricula.waitlist import queries as waitlist_queries
from matricula.waitlist import states as waitlists
from matricula.waitlist.states import EntryState

LARGEST_NUMBER = 2**31 - 1
EventNumber = Annotated[int, Field(ge=0, le=LARGEST_NUMBER)]


class Story:
    """What a client knows of an enrollment, and whether that is the end of it for now. A place in a
    waitlist is followed in the same way (`WaitStory`).

    It is over when the enrollment waits for nothing more: confirmed, failed, expired, cancelled or
    refunded. What was committed together with that move is read together with it, so a story is
    never over in the middle of a transaction.
    """

    __slots__ = ("_stage", "enrollment_id", "newest")

    def __init__(self, enrollment_id: UUID, stage: Stage, newest: int) -> None:
        self.enrollment_id = enrollment_id
        self.newest = newest
        self._stage = stage

    def go_on(self, deliveries: Sequence[Delivery]) -> None:
        """Takes what has been delivered into account."""
        for delivery in deliveries:
            self._stage = AFTER_EVENT.get(delivery.type, self._stage)

    @property
    def is_over(self) -> bool:
        return STATUS_OF[self._stage] is not Status.PENDING

    def is_known(self, number: int) -> bool:
        """Whether nothing was left to tell, to whoever knows it up to this number."""
        return self.is_over and number >= self.newest


class WaitStory(Story):
    """A place in a waitlist: over once it neither waits nor is offered a seat."""

    __slots__ = ("_state",)

    def __init__(self, entry_id: UUID, state: EntryState, newest: int) -> None:
        super().__init__(entry_id, Stage.REQUESTED, newest)
        self._state = state

    def go_on(self, deliveries: Sequence[Delivery]) -> None:
        for delivery in deliveries:
            self._state = waitlists.AFTER_EVENT.get(delivery.type, self._state)

    @property
    def is_over(self) -> bool:
        return self._state not in waitlists.OPEN


async def own_story(database: Database, person_id: UUID, reference: str) -> Story:
    """The story of the person's own enrollment or place in a waitlist (`enr_…`, `wtl_…`). Raises
    NotFound, also for somebody else's, and AuthenticationRequired when the account is closed."""
    is_wait = reference.startswith("wtl_")
    subject = ids.from_text("wtl" if is_wait else "enr", reference)
    text = waitlist_queries.STORY if is_wait else queries.STORY
    rows = await database.rows(text, [subject, person_id])
    if not rows:
        raise NotFound("There is no such enrollment.")
    is_active, state, newest = rows[0]
    if not is_active:
        raise AuthenticationRequired("This account is closed.")
    if is_wait:
        return WaitStory(subject, EntryState(state), newest)
    return Story(subject, Stage(state), newest)


def check_origin(scope: Scope) -> None:
    """Raises PermissionDenied for a page of another origin. Programs send no Origin."""
    origin = header(scope, "origin")
    if origin is None:
        return
    secure = scope.get("scheme") in {"https", "wss"}
    own = f"{'https' if secure else 'http'}://{header(scope, 'host')}"
    # Behind a proxy that speaks TLS the site's own address is the one that browsers know.
    if urlsplit(origin).scheme and origin in {own, settings.ENVIRONMENT.base_url}:
        return
    raise PermissionDenied("Pages of other origins may not follow an enrollment.")
