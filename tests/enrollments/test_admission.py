"""The rules about the person: each with what it lets pass, what it refuses, and what it advises."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from uuid import UUID

import pytest

from matricula.catalog.plans import Audience, Prerequisite
from matricula.enrollments.admission import (
    Clash,
    Demands,
    Profile,
    Record,
    Rule,
    age_on,
    objections,
    overridden,
)
from matricula.kernel import ids

COHORT, BASICS, KNOTS, OTHER = (ids.new_id() for _ in range(4))
GROUP = ids.new_id()
DAY = date(2026, 3, 1)
BASIC = Prerequisite(BASICS, "basics", "The Basics")
KNOT = Prerequisite(KNOTS, "knots", "Knots", frozenset({OTHER}))
CLASH = Clash(
    "Knots", "knots", datetime(2026, 3, 2, 12, 30, tzinfo=UTC), datetime(2026, 3, 2, 14, tzinfo=UTC)
)


def told(**fields: object) -> Record:
    return Record(profile=Profile(**fields))  # type: ignore[arg-type]


def born(day: date) -> Record:
    return told(told=frozenset({"birth_date"}), birth_date=day)


@dataclass(frozen=True)
class Case:
    """What a course demands, what a person brings, and the rules that stand against them."""

    what: str
    demands: dict[str, object]
    record: Record
    against: list[Rule] = field(default_factory=list)


def audience(**members: object) -> dict[str, object]:
    return {"audience": Audience(**members)}  # type: ignore[arg-type]


def has(*courses: UUID) -> Record:
    return Record(completed=frozenset(courses))


CASES = [
    Case("nothing is demanded", {}, Record()),
    Case("a required course is completed", {"prerequisites": [BASIC]}, has(BASICS)),
    Case("it is not", {"prerequisites": [BASIC]}, Record(), [Rule.PREREQUISITES]),
    Case("one of two is", {"prerequisites": [BASIC, KNOT]}, has(BASICS), [Rule.PREREQUISITES]),
    Case("an equivalent is completed", {"prerequisites": [KNOT]}, has(OTHER)),
    Case(
        "being enrolled in it is not enough",
        {"prerequisites": [BASIC]},
        Record(enrolled=frozenset({BASICS})),
        [Rule.PREREQUISITES],
    ),
    Case(
        "a corequisite is enrolled in",
        {"corequisites": [BASIC]},
        Record(enrolled=frozenset({BASICS})),
    ),
    Case("a corequisite is completed", {"corequisites": [BASIC]}, has(BASICS)),
    Case("a corequisite is missing", {"corequisites": [BASIC]}, Record(), [Rule.COREQUISITES]),
    Case(
        "an address at the domain",
        audience(email_domains=("Example.com",)),
        told(domains=frozenset({"example.com", "else.org"})),
    ),
    Case(
        "an address at a subdomain is another",
        audience(email_domains=("example.com",)),
        told(domains=frozenset({"mail.example.com"})),
        [Rule.EMAIL_DOMAIN],
    ),
    Case(
        "no confirmed address",
        audience(email_domains=("example.com",)),
        Record(),
        [Rule.EMAIL_DOMAIN],
    ),
    Case(
        "a member of the group",
        audience(groups=frozenset({GROUP, OTHER})),
        told(groups=frozenset({GROUP})),
    ),
    Case(
        "a member of another group",
        audience(groups=frozenset({GROUP})),
        told(groups=frozenset({OTHER})),
        [Rule.GROUP],
    ),
    Case("a phone is told", audience(required_profile=("phone",)), told(told=frozenset({"phone"}))),
    Case("no phone is told", audience(required_profile=("phone",)), Record(), [Rule.PROFILE]),
    Case("age wants a date of birth", audience(least_age=18), Record(), [Rule.PROFILE]),
    Case("just old enough", audience(least_age=18), born(date(2008, 3, 1))),
    Case("a day too young", audience(least_age=18), born(date(2008, 3, 2)), [Rule.AGE]),
    Case("just young enough", audience(greatest_age=17), born(date(2008, 3, 2))),
    Case("a day too old", audience(greatest_age=17), born(date(2008, 3, 1)), [Rule.AGE]),
    Case("a take is left", audience(most_takes=2), Record(takes=1)),
    Case("no take is left", audience(most_takes=2), Record(takes=2), [Rule.TAKES]),
    Case("room in the category", audience(most_in_category=2), Record(in_category=1)),
    Case(
        "no room in the category",
        audience(most_in_category=2),
        Record(in_category=2),
        [Rule.CATEGORY],
    ),
    Case("its meetings clash", {}, Record(clashes={COHORT: CLASH}), [Rule.SCHEDULE]),
    Case("those of another cohort clash", {}, Record(clashes={OTHER: CLASH})),
    Case(
        "several reasons, the most final first",
        {**audience(most_takes=1), "prerequisites": [BASIC]},
        Record(takes=1, clashes={COHORT: CLASH}),
        [Rule.PREREQUISITES, Rule.TAKES, Rule.SCHEDULE],
    ),
]


def demands_of(case: Case) -> Demands:
    return Demands(COHORT, DAY, **case.demands)  # type: ignore[arg-type]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.what)
def test_each_rule_stands_against_whom_it_should(case: Case) -> None:
    found = objections(demands_of(case), case.record)
    assert [objection.rule for objection in found] == case.against


@pytest.mark.parametrize("case", [case for case in CASES if case.against], ids=lambda c: c.what)
def test_staff_lets_somebody_past_the_named_rules_in_the_named_cohort(case: Case) -> None:
    first, *others = case.against
    elsewhere = _excused(case.record, OTHER, first)
    assert [found.rule for found in objections(demands_of(case), elsewhere)] == case.against
    here = _excused(case.record, COHORT, first)
    assert [found.rule for found in objections(demands_of(case), here)] == others
    assert overridden(demands_of(case), here) == {first}


@pytest.mark.parametrize("case", [case for case in CASES if not case.against], ids=lambda c: c.what)
def test_an_override_that_was_not_needed_is_not_used(case: Case) -> None:
    excused = _excused(case.record, COHORT, *Rule)
    assert overridden(demands_of(case), excused) == frozenset()


@pytest.mark.parametrize("case", [case for case in CASES if case.against], ids=lambda c: c.what)
def test_each_refusal_has_a_code_a_reason_and_its_rule(case: Case) -> None:
    for found in objections(demands_of(case), case.record):
        assert found.error.code in {
            "prerequisites_not_met",
            "schedule_conflict",
            "permission_denied",
            "course_not_available",
        }
        assert len(found.error.detail) > 20
        assert found.error.guidance.extra["rule"] == found.rule


def test_what_is_missing_is_named_and_leads_on() -> None:
    (found,) = objections(Demands(COHORT, DAY, prerequisites=[BASIC, KNOT]), has(BASICS))
    assert found.error.detail == "Complete first: Knots."
    assert [action.url for action in found.error.guidance.actions] == ["/courses/knots/"]


def test_a_missing_profile_field_is_named_and_leads_to_the_profile() -> None:
    demands = Demands(COHORT, DAY, audience=Audience(required_profile=("phone",), least_age=18))
    (found,) = objections(demands, Record())
    assert [entry.field for entry in found.error.guidance.errors] == ["phone", "birth_date"]
    assert [action.url for action in found.error.guidance.actions] == ["/me/profile/"]


def test_a_clash_names_the_other_course_and_the_time_where_it_meets() -> None:
    (found,) = objections(Demands(COHORT, DAY, "Asia/Kolkata"), Record(clashes={COHORT: CLASH}))
    assert "Knots" in found.error.detail
    assert "Monday, 2 March 2026, 18:00 to 19:30 (Asia/Kolkata)" in found.error.detail
    assert found.error.guidance.extra["conflict"]["starts_at"] == "2026-03-02T12:30:00+00:00"


@pytest.mark.parametrize(
    ("day", "age"),
    [
        (date(2026, 2, 28), 17),
        (date(2026, 3, 1), 18),
        (date(2028, 2, 28), 19),
        (date(2028, 2, 29), 20),
    ],
)
def test_who_was_born_on_a_leap_day_is_older_from_march_on(day: date, age: int) -> None:
    assert age_on(day, date(2008, 2, 29)) == age


def _excused(record: Record, cohort: UUID, *rules: Rule) -> Record:
    return Record(
        completed=record.completed,
        enrolled=record.enrolled,
        takes=record.takes,
        in_category=record.in_category,
        clashes=record.clashes,
        profile=record.profile,
        excused={cohort: frozenset(str(rule.value) for rule in rules)},
    )
