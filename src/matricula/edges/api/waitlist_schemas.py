"""The JSON shapes of waiting. Other programs are written against them: add, never change."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from ninja import Schema
from pydantic import Field, StringConstraints

from matricula.edges.api.enrollment_schemas import Checkout, CourseName, Reference
from matricula.waitlist.models import LARGEST_PARTY
from matricula.waitlist.states import EntryState, OfferState


class Join(Schema):
    cohort_id: Reference | None = Field(None, description="Else the course's next full cohort.")
    party_size: int = Field(
        1, ge=1, le=LARGEST_PARTY, description="Seats wanted together: all of them or none."
    )

    replaces: Reference | None = Field(
        None, description="Your enrollment that is swapped for the seat, in one step, in your turn."
    )
    leave_others: bool = Field(
        False, description="Leave your other waitlists once you are in by this one."
    )


class Change(Schema):
    """What to change about a place that waits; what is not named stays."""

    replaces: Reference | None = None
    leave_others: bool | None = None


class Odds(Schema):
    """In `reached` of the course's `lists` earlier waitlists, this place got its seats."""

    reached: int
    lists: int


class Skipped(Schema):
    """Why the place was passed over when its turn came. It is kept, and looked at again."""

    code: str
    detail: str


class Offer(Schema):
    """A seat held until `ends_at`."""

    offer_id: str
    status: OfferState
    ends_at: datetime
    is_own: bool
    party_key: str | None = Field(
        None, description="With it somebody else takes this seat of the party."
    )


class Entry(Schema):
    entry_id: str
    status: EntryState
    position: int | None = Field(description="From 1; null unless it waits.")
    ahead: int | None = Field(description="Seats wanted by those before it.")
    expected_wait: int | None = Field(
        description="Seconds, at this list's own pace; null while too few seats came free to say."
    )
    odds: Odds | None = Field(description="null with fewer than three earlier lists.")
    length: int
    party_size: int
    priority: str | None = Field(description="The group it waits in, before others.")
    skipped: Skipped | None
    closed: bool = Field(description="Registration is over: nobody is promoted any more.")
    offers: list[Offer]
    course: CourseName
    cohort_id: str
    joined_at: datetime
    enrollment_id: str | None
    replaces: str | None = Field(description="The enrollment to be swapped for the seat.")
    leave_others: bool
    poll_after: int | None = Field(description="Seconds until asking again may tell more.")


class Accept(Checkout):
    party_key: Annotated[str, StringConstraints(max_length=200)] = ""
