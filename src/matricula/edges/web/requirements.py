"""What a course asks of people and when it meets, in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, time
from urllib.parse import urlencode
from uuid import UUID

from django.urls import reverse
from django.utils.dates import WEEKDAYS
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from matricula.catalog.plans import Audience, Prerequisite
from matricula.catalog.timetable import Meeting
from matricula.enrollments.admission import PROFILE_URL, PROFILE_WORDS, Rule
from matricula.flows.offer import CohortOffer, CourseOffer
from matricula.kernel import words as spoken
from matricula.kernel.errors import Action


@dataclass(frozen=True)
class Requirement:
    """Something that a course asks for. `met` is None for a guest, whom we do not know; `way` leads
    to what can be done where it is not met."""

    words: str
    met: bool | None
    state: str = ""
    url: str = ""
    way: Action | None = None


def of_offer(offer: CourseOffer) -> list[Requirement]:
    """Everything the course asks of people, in the order of the rules."""
    course = offer.course
    return [
        *(_completed(offer, part) for part in course.prerequisites),
        *(_together(offer, part) for part in course.corequisites),
        *(_of_audience(offer, course.audience)),
    ]


def meeting(part: Meeting) -> str:
    """When it meets: Mondays and Wednesdays, 18:00 to 20:00 (Asia/Kolkata), …"""
    hours = _("%(starts)s to %(ends)s (%(zone)s)") % {
        "starts": _clock(part.starts),
        "ends": _clock(part.ends),
        "zone": part.zone,
    }
    if part.weekdays:
        days = spoken.listed(WEEKDAYS[number - 1] for number in sorted(part.weekdays))
        span = _("%(first)s to %(last)s") % {
            "first": _day(part.first_day),
            "last": _day(part.last_day),
        }
        said = [f"{days}, {hours}", span]
    else:
        said = [f"{_day(part.first_day)}, {hours}"]
    if part.skipped:
        said.append(_("not on %(days)s") % {"days": spoken.listed(map(_day, sorted(part.skipped)))})
    if part.place:
        said.append(part.place)
    return "; ".join(said)


def clash_of(cohort: CohortOffer) -> str:
    """What the cohort's meetings clash with, for this visitor; empty when with nothing."""
    found = [entry for entry in cohort.objections if entry.rule is Rule.SCHEDULE]
    if not found:
        return ""
    title = found[0].error.guidance.extra["conflict"]["course"]
    return _("Clashes with %(title)s") % {"title": title}


def leading_back(way: Action, slug: str) -> Action:
    """The way to the profile, with the way back to the course that asked for it."""
    if way.url != PROFILE_URL:
        return way
    back = reverse("course", args=[slug])
    return replace(way, url=f"{way.url}?{urlencode({'next': back})}")


def _completed(offer: CourseOffer, part: Prerequisite) -> Requirement:
    states = {
        True: _("completed"),
        False: _("not completed yet"),
        None: _("to be completed before"),
    }
    return _course(offer, part, offer.missing, states)


def _together(offer: CourseOffer, part: Prerequisite) -> Requirement:
    states = {
        True: _("you have it"),
        False: _("not enrolled yet"),
        None: _("to be taken at the same time"),
    }
    return _course(offer, part, offer.missing_together, states)


def _course(
    offer: CourseOffer,
    part: Prerequisite,
    lacking: Sequence[tuple[UUID, str]],
    states: Mapping[bool | None, str],
) -> Requirement:
    met = part.id not in {course_id for course_id, _title in lacking} if offer.signed_in else None
    url = reverse("course", args=[part.slug]) if part.slug else ""
    return Requirement(part.name, met, states[met], url)


def _of_audience(offer: CourseOffer, audience: Audience) -> list[Requirement]:
    found: list[Requirement] = []
    if audience.email_domains:
        domains = ", ".join(audience.email_domains)
        words = _("A confirmed e-mail address at %(domains)s") % {"domains": domains}
        found.append(_ruled(offer, words, Rule.EMAIL_DOMAIN))
    if audience.groups:
        found.append(_ruled(offer, _("Membership in a group"), Rule.GROUP))
    if audience.least_age is not None or audience.greatest_age is not None:
        found.append(_ruled(offer, _ages(audience), Rule.AGE, Rule.PROFILE))
    if audience.required_profile:
        named = spoken.listed(PROFILE_WORDS[name] for name in audience.required_profile)
        words = _("In your profile: %(named)s") % {"named": named}
        found.append(_ruled(offer, words, Rule.PROFILE))
    if audience.most_takes is not None:
        words = ngettext(
            "Can be taken once", "Can be taken %(times)d times", audience.most_takes
        ) % {"times": audience.most_takes}
        found.append(_ruled(offer, words, Rule.TAKES))
    if audience.most_in_category is not None:
        words = _("At most %(most)d of %(category)s at the same time") % {
            "most": audience.most_in_category,
            "category": offer.course.category,
        }
        found.append(_ruled(offer, words, Rule.CATEGORY))
    return found


def _ruled(offer: CourseOffer, words: str, *rules: Rule) -> Requirement:
    """What is asked for by these rules; unmet when one of them stands against the visitor."""
    if not offer.signed_in or offer.live is not None:
        return Requirement(words, None)
    against = [entry for entry in offer.objections if entry.rule in rules]
    ways = [action for entry in against for action in entry.error.guidance.actions]
    state = _("not yet") if against else _("fits")
    way = leading_back(ways[0], offer.course.slug) if ways else None
    return Requirement(words, not against, state, way=way)


def _ages(audience: Audience) -> str:
    least, greatest = audience.least_age, audience.greatest_age
    if greatest is None:
        return _("At least %(age)d years old when it starts") % {"age": least}
    if least is None:
        return _("At most %(age)d years old when it starts") % {"age": greatest}
    return _("%(least)d to %(greatest)d years old when it starts") % {
        "least": least,
        "greatest": greatest,
    }


def _day(day: date) -> str:
    return spoken.day(day)


def _clock(at: time) -> str:
    return spoken.clock_time(at)
