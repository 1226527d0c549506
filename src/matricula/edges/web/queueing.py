"""A place in a waitlist in words, honest about what is not known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from matricula.edges.web.progress import Live
from matricula.flows.accept import party_key
from matricula.flows.standing import Standing
from matricula.kernel import clock, ids
from matricula.kernel.events import RecordedEvent
from matricula.waitlist.queries import OfferRecord
from matricula.waitlist.states import EntryState, OfferState

# Positions change without an event of one's own: the page looks again after so long, some times.
LOOK_AGAIN = 20


@dataclass(frozen=True)
class PartySeat:
    """A seat of a party, to be passed on while it is open."""

    number: int
    words: str
    link: str
    ends_at: datetime


@dataclass(frozen=True)
class Waiting:
    """A place as pages print it. `tone` colours its state: open, mine or quiet."""

    reference: str
    standing: Standing
    heading: str
    state: str
    tone: str
    lines: Sequence[str]
    skipped: str
    offer_url: str
    offer_ends_at: datetime | None
    party: Sequence[PartySeat]
    enrollment_url: str

    @property
    def is_open(self) -> bool:
        return self.standing.entry.is_open

    @property
    def can_wish(self) -> bool:
        """Whether it can still be said what is to happen once the seat is there."""
        return self.standing.entry.state is EntryState.WAITING and not self.standing.is_over


def waiting_of(standing: Standing) -> Waiting:
    """The place in words."""
    entry = standing.entry
    heading, state, tone = _heading(standing)
    own = entry.own_offer
    return Waiting(
        reference=ids.to_text("wtl", entry.id),
        standing=standing,
        heading=heading,
        state=state,
        tone=tone,
        lines=_lines(standing) if entry.state is EntryState.WAITING else [],
        skipped=str(entry.why_skipped) if entry.state is EntryState.WAITING else "",
        offer_url=offer_url(own) if own is not None else "",
        offer_ends_at=own.ends_at if own is not None else None,
        party=[_party_seat(offer) for offer in entry.offers if offer.number > 1],
        enrollment_url=_enrollment_url(standing),
    )


def live_of(waiting: Waiting, happened: Sequence[RecordedEvent]) -> Live:
    """For the part of the page that changes by itself (`static/matricula/live/page.js`)."""
    return Live(
        after=happened[-1].number if happened else 0,
        words=" ".join([f"{waiting.heading}.", *waiting.lines[:1]]),
        is_over=not waiting.is_open,
    )


def offer_url(offer: OfferRecord) -> str:
    """The page of an offer; one to be passed on lets in whoever has the link."""
    url = reverse("waitlist_offer", args=[ids.to_text("off", offer.id)])
    return url if offer.number == 1 else f"{url}?key={party_key(offer.id)}"


def _heading(standing: Standing) -> tuple[str, str, str]:
    """Heading, short word and tone."""
    if standing.entry.state is EntryState.WAITING and standing.is_over:
        return _("This waitlist is over"), _("Over"), "quiet"
    if standing.entry.state is EntryState.OFFERED and standing.entry.own_offer is None:
        return _("Seats are held for your party"), _("Party seats open"), "mine"
    return {
        EntryState.WAITING: (_("You are on the waitlist"), _("Waiting"), "open"),
        EntryState.OFFERED: (
            _("A seat is yours, if you take it in time"),
            _("Seat offered"),
            "mine",
        ),
        EntryState.ACCEPTED: (_("You got a seat"), _("Got a seat"), "mine"),
        EntryState.LAPSED: (_("The offer ran out"), _("Ran out"), "quiet"),
        EntryState.LEFT: (_("You left the waitlist"), _("Left"), "quiet"),
    }[standing.entry.state]


def _lines(standing: Standing) -> list[str]:
    """Where the place stands, and what can be said of how long it may take."""
    if standing.is_over:
        return [_("Registration has ended. Nobody is given a seat from this list any more.")]
    entry = standing.entry
    lines = [
        _("You are number %(position)s of %(length)s.")
        % {"position": standing.position, "length": standing.length},
        _ahead(standing),
    ]
    if standing.ahead_by_priority:
        lines.append(
            ngettext(
                "%(count)s of the places before yours has priority.",
                "%(count)s of the places before yours have priority.",
                standing.ahead_by_priority,
            )
            % {"count": standing.ahead_by_priority}
        )
    if entry.group:
        lines.append(_("You wait in the group %(group)s.") % {"group": entry.group})
    elif entry.is_first_after_late_payment:
        lines.append(_("You have priority, because your payment came too late for a seat."))
    if entry.saving_since is not None:
        lines.append(_("Free seats are being saved until there are enough for your party."))
    return [*lines, _wait(standing), _odds(standing)]


def _ahead(standing: Standing) -> str:
    seats = standing.seats_ahead or 0
    if not seats:
        return _("You are next.")
    words = ngettext(
        "%(count)s seat is wanted before yours.", "%(count)s seats are wanted before yours.", seats
    )
    return words % {"count": seats}


def _wait(standing: Standing) -> str:
    wait = standing.expected_wait
    if wait is None:
        return _("Too few seats have come free so far to say how long it may take.")
    if standing.stops_at is not None and clock.now() + wait >= standing.stops_at:
        return _("At the pace so far your turn would come after registration has ended.")
    return _("At the pace so far it may take about %(time)s.") % {"time": duration(wait)}


def _odds(standing: Standing) -> str:
    odds = standing.odds
    if odds is None:
        return _("There is not enough history of this course to say how likely a seat is.")
    return _("In %(reached)s of %(lists)s earlier intakes this place would have got a seat.") % {
        "reached": odds.reached,
        "lists": odds.lists,
    }


def duration(time: timedelta) -> str:
    """A time, roughly: minutes, hours or days, whichever says enough."""
    minutes = max(1, round(time.total_seconds() / 60))
    if minutes < 90:  # noqa: PLR2004 - rounding
        return ngettext("%(count)d minute", "%(count)d minutes", minutes) % {"count": minutes}
    hours = round(minutes / 60)
    if hours < 48:  # noqa: PLR2004 - rounding
        return ngettext("%(count)d hour", "%(count)d hours", hours) % {"count": hours}
    days = round(hours / 24)
    return ngettext("%(count)d day", "%(count)d days", days) % {"count": days}


def _party_seat(offer: OfferRecord) -> PartySeat:
    words = {
        OfferState.OPEN: _("free to take"),
        OfferState.ACCEPTED: _("taken"),
        OfferState.LAPSED: _("ran out"),
        OfferState.DECLINED: _("given back"),
    }
    is_open = offer.state is OfferState.OPEN
    link = settings.ENVIRONMENT.base_url + offer_url(offer) if is_open else ""
    return PartySeat(offer.number, words[offer.state], link, offer.ends_at)


def _enrollment_url(standing: Standing) -> str:
    enrollment_id = standing.entry.enrollment_id
    return reverse("enrollment", args=[ids.to_text("enr", enrollment_id)]) if enrollment_id else ""
