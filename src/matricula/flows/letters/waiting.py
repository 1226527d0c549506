"""Letters about a place on a waitlist."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _

from matricula.accounts.models import Person
from matricula.flows.letters.about import greeting, recipient
from matricula.kernel import ids, words
from matricula.kernel.models import Event
from matricula.kernel.money import Money
from matricula.notifications.actions import Recipient
from matricula.notifications.letters import Action, Letter
from matricula.waitlist.models import Entry, ListMessage
from matricula.waitlist.states import OfferState


@dataclass(frozen=True)
class AboutPlace:
    """One event on a place in a list, and whom it concerns."""

    event_id: UUID
    person: Person
    entry: Entry
    data: Mapping[str, Any]
    actor: UUID | None
    correlation_id: str

    @property
    def recipient(self) -> Recipient:
        return recipient(self.person)

    @property
    def title(self) -> str:
        return self.entry.course.title

    @property
    def action(self) -> Action:
        return Action(_("See your place"), page_of(self.entry))


def page_of(entry: Entry) -> str:
    """The page of this place, whatever other lists of the course its owner stands in."""
    return f"/waitlist/{ids.to_text('wtl', entry.pk)}/"


def of_events(events: Sequence[Event]) -> list[AboutPlace]:
    """The facts of these events, in their order, in one query."""
    entries = Entry.objects.select_related("course", "cohort", "person").in_bulk(
        {event.subject for event in events}
    )
    return [
        AboutPlace(
            event.id,
            entries[event.subject].person,
            entries[event.subject],
            event.data,
            event.actor,
            event.correlation_id,
        )
        for event in events
        if event.subject in entries
    ]


def joined(about: AboutPlace) -> Letter:
    """On the list; or first on it, after a payment that came too late."""
    if about.data.get("first"):
        summary = _(
            "Your payment for %(course)s came when no seat was left, and goes back to you. You "
            "have the first place on the waitlist."
        )
    else:
        summary = _("You are on the waitlist of %(course)s. Waiting costs nothing.")
    return Letter(
        subject=_("On the waitlist: %(course)s") % {"course": about.title},
        heading=_("You are on the waitlist"),
        greeting=greeting(about.person),
        summary=summary % {"course": about.title},
        facts=_facts(about),
        paragraphs=[_("When it is your turn you hear from us. Your place is shown live.")],
        action=about.action,
    )


def offered(about: AboutPlace) -> Letter:
    """A seat is held for them, for a time."""
    ends_at = _moment(about.data.get("ends_at"))
    facts = _facts(about)
    if ends_at is not None:
        facts.append((_("Held for you until"), words.moment(ends_at)))
    if about.data.get("price_minor"):
        price = Money(about.data["price_minor"], about.data["currency"])
        facts.append((_("Price"), words.money(price)))
    return Letter(
        subject=_("A seat is held for you: %(course)s") % {"course": about.title},
        heading=_("It is your turn"),
        greeting=greeting(about.person),
        summary=_("A seat in %(course)s is held for you.") % {"course": about.title},
        facts=facts,
        paragraphs=[_("Take it before then, or it goes to the next in line.")],
        action=Action(_("Take the seat"), about.action.path),
    )


def ending(about: AboutPlace) -> Letter | None:
    """The time of an offer ends soon; nothing once it has ended."""
    offer = about.entry.offers.filter(number=1, state=OfferState.OPEN).first()
    return None if offer is None else ends_soon(about, offer.ends_at)


def ends_soon(about: AboutPlace, ends_at: datetime) -> Letter:
    """The seat is held for them until then."""
    return Letter(
        subject=_("Your offered seat ends soon: %(course)s") % {"course": about.title},
        heading=_("The seat goes to the next soon"),
        greeting=greeting(about.person),
        summary=_("The seat in %(course)s that is held for you goes to the next in line.")
        % {"course": about.title},
        facts=[*_facts(about), (_("Held for you until"), words.moment(ends_at))],
        action=Action(_("Take the seat"), about.action.path),
    )


def from_staff(entry: Entry, message: ListMessage) -> Letter:
    """What staff wrote to everybody who waits, in its own words."""
    first, *others = message.body.split("\n\n")
    return Letter(
        subject=message.subject,
        heading=message.subject,
        greeting=greeting(entry.person),
        summary=first,
        paragraphs=others,
        action=Action(_("See your place"), page_of(entry)),
        closing=[
            _("You get this because you are on the waitlist of %(course)s.")
            % {"course": entry.course.title}
        ],
    )


def lapsed(about: AboutPlace) -> Letter:
    """The offer was not taken in time."""
    return Letter(
        subject=_("The seat went on: %(course)s") % {"course": about.title},
        heading=_("The time to take the seat is over"),
        greeting=greeting(about.person),
        summary=_("The seat in %(course)s that was held for you went to the next in line.")
        % {"course": about.title},
        paragraphs=[_("You can join the waitlist again, at its end.")],
        action=about.action,
    )


def skipped(about: AboutPlace) -> Letter:
    """Passed over, and why; the place is kept."""
    return Letter(
        subject=_("Not yet: %(course)s") % {"course": about.title},
        heading=_("Your turn came, but you could not be given the seat"),
        greeting=greeting(about.person),
        summary=str(about.entry.why_skipped)
        or _("You do not fulfil what %(course)s asks for.") % {"course": about.title},
        paragraphs=[_("You keep your place: as soon as the reason is gone, you are next.")],
        action=about.action,
    )


def _facts(about: AboutPlace) -> list[tuple[str, str]]:
    facts = [(_("Course"), about.title), (_("Intake"), about.entry.cohort.name)]
    if about.entry.party_size > 1:
        facts.append((_("Seats"), str(about.entry.party_size)))
    return facts


def _moment(text: object) -> datetime | None:
    return parse_datetime(str(text)) if text else None
