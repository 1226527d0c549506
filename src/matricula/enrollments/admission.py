"""The rules about the person: what they have completed, who they are, what else they are enrolled
in. Pure, without a clock and without the database.

Each rule has a name, by which staff lets somebody past it, and says what to do about it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import models
from django.utils.translation import gettext_lazy as _

from matricula.catalog.plans import EVERYBODY, Audience, Prerequisite
from matricula.enrollments import errors
from matricula.kernel import words
from matricula.kernel.errors import Action, DomainError, FieldError, Guidance, Words

PROFILE_URL = "/me/profile/"
ADDRESS_URL = "/accounts/email/"
PROFILE_WORDS = {
    "full_name": _("your full name"),
    "phone": _("your phone number"),
    "birth_date": _("your date of birth"),
}


class Rule(models.TextChoices):
    """What may stand against somebody, and what staff may let them past."""

    PREREQUISITES = "prerequisites", "Required courses"
    COREQUISITES = "corequisites", "Courses taken at the same time"
    EMAIL_DOMAIN = "email_domain", "E-mail domain"
    GROUP = "group", "Group"
    PROFILE = "profile", "Profile"
    AGE = "age", "Age"
    TAKES = "takes", "How often it may be taken"
    CATEGORY = "category", "How many of a category"
    SCHEDULE = "schedule", "Clashing timetables"


@dataclass(frozen=True)
class Clash:
    """A meeting of something the person is enrolled in, at the time of a meeting of the wanted
    cohort."""

    title: str
    slug: str
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True)
class Profile:
    """What a person has told of themselves, as far as rules ask."""

    told: frozenset[str] = frozenset()
    birth_date: date | None = None
    domains: frozenset[str] = frozenset()  # of confirmed addresses, in lower case
    groups: frozenset[UUID] = frozenset()


@dataclass(frozen=True)
class Record:
    """What a person has done and does. `takes` counts how often they have taken the course before,
    `in_category` what else of its category they are enrolled in now; `clashes` and `excused` are by
    cohort."""

    completed: frozenset[UUID] = frozenset()
    enrolled: frozenset[UUID] = frozenset()
    takes: int = 0
    in_category: int = 0
    clashes: Mapping[UUID, Clash] = field(default_factory=dict)
    excused: Mapping[UUID, frozenset[str]] = field(default_factory=dict)
    profile: Profile = field(default_factory=Profile)


NOTHING_KNOWN = Record()


@dataclass(frozen=True)
class Demands:
    """What a course, and one cohort of it, demand of people. `first_day` is when their age counts;
    `zone` is where the cohort meets."""

    cohort_id: UUID
    first_day: date
    zone: str = "UTC"
    category: str = ""
    prerequisites: Sequence[Prerequisite] = ()
    corequisites: Sequence[Prerequisite] = ()
    audience: Audience = EVERYBODY


@dataclass(frozen=True)
class Objection:
    """One rule that stands against a person."""

    rule: Rule
    error: DomainError


def objections(demands: Demands, record: Record) -> list[Objection]:
    """Every rule that stands against this person, the most final first; empty when none does.
    Those that staff let them past are left out."""
    excused = record.excused.get(demands.cohort_id, frozenset())
    return [found for found in _all(demands, record) if found.rule not in excused]


def overridden(demands: Demands, record: Record) -> frozenset[Rule]:
    """The rules that would stand against this person, had staff not let them past."""
    excused = record.excused.get(demands.cohort_id, frozenset())
    return frozenset(found.rule for found in _all(demands, record) if found.rule in excused)


def missing(required: Sequence[Prerequisite], had: Collection[UUID]) -> list[Prerequisite]:
    """The required courses that are not among those had, nor any equivalent of theirs."""
    return [part for part in required if not ({part.id} | part.equivalents) & set(had)]


def _all(demands: Demands, record: Record) -> Iterator[Objection]:
    for check in (_prerequisites, _audience, _profile, _age, _limits, _corequisites, _schedule):
        yield from check(demands, record)


def _prerequisites(demands: Demands, record: Record) -> Iterator[Objection]:
    lacking = missing(demands.prerequisites, record.completed)
    if lacking:
        said = words.said("Complete first: %(titles)s.", titles=_titles(lacking))
        error = errors.PrerequisitesNotMet(said)
        yield _objection(Rule.PREREQUISITES, error, actions=_courses(lacking))


def _corequisites(demands: Demands, record: Record) -> Iterator[Objection]:
    lacking = missing(demands.corequisites, record.completed | record.enrolled)
    if lacking:
        said = words.said(
            "It is taken together with: %(titles)s. Enroll in that first, or put both into your "
            "cart.",
            titles=_titles(lacking),
        )
        error = errors.CorequisitesNotMet(said)
        yield _objection(Rule.COREQUISITES, error, actions=_courses(lacking))


def _audience(demands: Demands, record: Record) -> Iterator[Objection]:
    audience, profile = demands.audience, record.profile
    if audience.email_domains and not _are_of(profile.domains, audience.email_domains):
        said = words.said(
            "It is for people with a confirmed e-mail address at: %(domains)s.",
            domains=", ".join(audience.email_domains),
        )
        ways = [Action(_("Confirm such an address"), ADDRESS_URL)]
        yield _objection(Rule.EMAIL_DOMAIN, errors.NotInAudience(said), actions=ways)
    if audience.groups and not audience.groups & profile.groups:
        said = _(
            "It is for the members of a group. If you belong to it, ask the organizers to add you."
        )
        yield _objection(Rule.GROUP, errors.NotInAudience(said))


def _profile(demands: Demands, record: Record) -> Iterator[Objection]:
    wanted = list(demands.audience.required_profile)
    if _asks_age(demands.audience) and "birth_date" not in wanted:
        wanted.append("birth_date")
    lacking = [name for name in wanted if name not in record.profile.told]
    if lacking:
        named = words.listed(PROFILE_WORDS[name] for name in lacking)
        said = words.said("First add to your profile: %(named)s.", named=named)
        fields = [FieldError(name, _("This course asks for it.")) for name in lacking]
        error = errors.ProfileIncomplete(said, Guidance(errors=fields))
        ways = [Action(_("Complete your profile"), PROFILE_URL)]
        yield _objection(Rule.PROFILE, error, actions=ways)


def _age(demands: Demands, record: Record) -> Iterator[Objection]:
    audience, born = demands.audience, record.profile.birth_date
    if born is None or not _asks_age(audience):
        return
    age = age_on(demands.first_day, born)
    if audience.least_age is not None and age < audience.least_age:
        said = words.said(
            "It is for people who are at least %(age)d years old when it starts.",
            age=audience.least_age,
        )
        yield _objection(Rule.AGE, errors.NotInAudience(said))
    if audience.greatest_age is not None and age > audience.greatest_age:
        said = words.said(
            "It is for people who are at most %(age)d years old when it starts.",
            age=audience.greatest_age,
        )
        yield _objection(Rule.AGE, errors.NotInAudience(said))


def _limits(demands: Demands, record: Record) -> Iterator[Objection]:
    audience = demands.audience
    if audience.most_takes is not None and record.takes >= audience.most_takes:
        said = words.counted(
            "It can be taken once, and you have done so.",
            "It can be taken %(count)d times, and you have done so.",
            audience.most_takes,
        )
        yield _objection(Rule.TAKES, errors.LimitReached(said))
    most = audience.most_in_category
    if most is not None and record.in_category >= most:
        said = words.said(
            "Of %(category)s, you can be enrolled in at most %(most)d at the same time. Finish or "
            "cancel one first.",
            category=demands.category,
            most=most,
        )
        ways = [Action(_("My courses"), "/me/")]
        yield _objection(Rule.CATEGORY, errors.LimitReached(said), actions=ways)


def _schedule(demands: Demands, record: Record) -> Iterator[Objection]:
    clash = record.clashes.get(demands.cohort_id)
    if clash is None:
        return
    said = words.said(
        "It meets at the same time as %(title)s: %(when)s. Choose another intake, or give up "
        "%(title)s.",
        title=clash.title,
        when=when(clash, demands.zone),
    )
    error = errors.ScheduleConflict(said)
    yield _objection(
        Rule.SCHEDULE,
        error,
        actions=[Action(clash.title, f"/courses/{clash.slug}/"), Action(_("My courses"), "/me/")],
        extra={
            "conflict": {
                "course": clash.title,
                "starts_at": clash.starts_at.isoformat(),
                "ends_at": clash.ends_at.isoformat(),
            }
        },
    )


def when(clash: Clash, zone: str) -> Words:
    """When it clashes, by the clock of the zone."""
    place = ZoneInfo(zone)
    starts, ends = clash.starts_at.astimezone(place), clash.ends_at.astimezone(place)
    return words.said(
        "%(day)s, %(starts)s to %(ends)s (%(zone)s)",
        day=words.weekday_of(starts),
        starts=words.clock_time_of(starts),
        ends=words.clock_time_of(ends),
        zone=zone,
    )


def age_on(day: date, born: date) -> int:
    """Whole years. Who was born on 29 February is a year older on 1 March of other years."""
    return day.year - born.year - ((day.month, day.day) < (born.month, born.day))


def _asks_age(audience: Audience) -> bool:
    return audience.least_age is not None or audience.greatest_age is not None


def _are_of(domains: frozenset[str], wanted: Sequence[str]) -> bool:
    return bool(domains & {name.lower() for name in wanted})


def _titles(parts: Sequence[Prerequisite]) -> str:
    return ", ".join(part.name for part in parts)


def _courses(parts: Sequence[Prerequisite]) -> list[Action]:
    return [Action(part.title, f"/courses/{part.slug}/") for part in parts if part.slug]


def _objection(
    rule: Rule,
    error: DomainError,
    *,
    actions: Sequence[Action] = (),
    extra: Mapping[str, Any] | None = None,
) -> Objection:
    """The refusal names its rule, so that programs need not read the words."""
    error.guidance = replace(
        error.guidance, actions=actions, extra={"rule": str(rule.value), **(extra or {})}
    )
    return Objection(rule, error)
