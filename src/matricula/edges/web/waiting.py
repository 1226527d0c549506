"""The waiting room in words: before it opens, in front of it, and in it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from math import ceil
from uuid import UUID

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from matricula.edges.web import offers, words
from matricula.enrollments.queries import EnrollmentRecord
from matricula.enrollments.states import Stage
from matricula.flows.offer import CohortOffer, CourseOffer
from matricula.kernel import clock
from matricula.seats import queries as seats
from matricula.seats.queries import NO_SEATS, Availability
from matricula.waitingroom import queries
from matricula.waitingroom.rules import Place, expected_wait, is_moving, poll_after

MINUTE, HOUR, DAY = 60, 3_600, 86_400


@dataclass(frozen=True)
class Standing:
    """A place in line, as the waiting page prints it. `look_again` is in seconds; `doubt` is empty
    while there are seats enough for everybody ahead."""

    position: str
    ahead: str
    wait: str
    doubt: str
    seats: str
    then: str
    look_again: int


@dataclass(frozen=True)
class Drop:
    """A course page's word about the line. Before registration opens, `opens_in` says in how many
    seconds it does, and the rest is for the control that then takes the place of the closed one."""

    words: str
    opens_in: int | None = None
    countdown: str = ""
    enroll_url: str = ""
    label: str = ""


def standing_of(record: EnrollmentRecord, is_paid: bool) -> Standing | None:
    """Where the person stands; None for who does not wait."""
    place = queries.place_of(record.id) if record.stage is Stage.REQUESTED else None
    if place is None:
        return None
    at = clock.now()
    counts = seats.availability([record.cohort_id]).get(record.cohort_id, NO_SEATS)
    return Standing(
        position=f"{place.position:,}",
        ahead=_ahead(place.ahead),
        wait=wait_words(place, at),
        doubt=_doubt(place, counts),
        seats=words.seats(counts),
        then=_then(is_paid),
        look_again=poll_after(place, at),
    )


def _ahead(ahead: int) -> str:
    if ahead == 0:
        return _("You are next.")
    return ngettext(
        "%(count)s person is ahead of you.", "%(count)s people are ahead of you.", ahead
    ) % {"count": f"{ahead:,}"}


def wait_words(place: Place, at: datetime) -> str:
    """How long it may take, as honestly as we know it."""
    if place.is_paused:
        return _("The organizers let nobody in at the moment. Your place is kept.")
    if not is_moving(place, at):
        return _("The line is not moving at the moment. Your place is kept.")
    seconds = expected_wait(place, at)
    if seconds is None:
        return _("Nobody can say yet how long it takes.")
    if seconds < MINUTE:
        return _("Your turn is expected in less than a minute.")
    minutes = ceil(seconds / MINUTE)
    return ngettext(
        "Your turn is expected in about %(count)d minute.",
        "Your turn is expected in about %(count)d minutes.",
        minutes,
    ) % {"count": minutes}


def _doubt(place: Place, counts: Availability) -> str:
    if counts.left is None or place.ahead < counts.left:
        return ""
    return _(
        "More people are ahead of you than there are seats. You get one only if some of them "
        "leave or may not enroll. You will be told as soon as it is decided."
    )


def _then(is_paid: bool) -> str:
    if is_paid:
        return _(
            "When it is your turn, a seat is held for you and this page leads on to the payment. "
            "Stay near: the seat is not held for ever."
        )
    return _(
        "When it is your turn, you are enrolled at once. You may close this page: your place is "
        "kept, and My courses shows what became of it."
    )


def drop_of(offer: CourseOffer) -> Drop | None:
    """What the course page says about the line; None where there is none, or it is over."""
    chosen = offer.chosen
    if not offer.takes_tickets or chosen is None or chosen.window == "after":
        return None
    if chosen.window == "before" and chosen.plan.opens_at is not None:
        seconds = max(1, ceil((chosen.plan.opens_at - offer.at).total_seconds()))
        said = _(
            "Seats are given in order of arrival, from the moment registration opens. Nobody can "
            "join the line before: being here early gives no advantage."
        )
        opening = _("Opens in %(time)s.") % {"time": _span(seconds)}
        url = reverse("enroll", args=[offer.course.slug])
        if not offer.signed_in:
            return Drop(said, seconds, opening, offers.login_url(url), _("Login to Enroll"))
        return Drop(said, seconds, opening, url, _("Join the Line"))
    if chosen.seats.is_full:
        return None
    return Drop(_open_words(chosen))


def _open_words(chosen: CohortOffer) -> str:
    waiting = _waiting(chosen.plan.id)
    if not waiting:
        return _("Seats are given in order of arrival. Nobody is in line at the moment.")
    return ngettext(
        "Seats are given in order of arrival. %(count)s person is in line.",
        "Seats are given in order of arrival. %(count)s people are in line.",
        waiting,
    ) % {"count": f"{waiting:,}"}


def _waiting(cohort_id: UUID) -> int:
    return queries.crowds([cohort_id]).get(cohort_id, queries.EMPTY).waiting


def _span(seconds: int) -> str:
    """A time ahead in its two largest units; the script counts the seconds."""
    if seconds >= DAY:
        days, hours = divmod(seconds // HOUR, 24)
        return _join(_days(days), _hours(hours) if hours else "")
    if seconds >= HOUR:
        hours, minutes = divmod(seconds // MINUTE, 60)
        return _join(_hours(hours), _minutes(minutes) if minutes else "")
    if seconds >= MINUTE:
        return _minutes(ceil(seconds / MINUTE))
    return ngettext("%(count)d second", "%(count)d seconds", seconds) % {"count": seconds}


def _join(first: str, second: str) -> str:
    return f"{first} {second}".strip()


def _days(count: int) -> str:
    return ngettext("%(count)d day", "%(count)d days", count) % {"count": count}


def _hours(count: int) -> str:
    return ngettext("%(count)d hour", "%(count)d hours", count) % {"count": count}


def _minutes(count: int) -> str:
    return ngettext("%(count)d minute", "%(count)d minutes", count) % {"count": count}
