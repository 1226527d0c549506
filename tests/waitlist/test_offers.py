"""Offers: warned of before they end, not made at night, and who paid too late comes first."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta

import pytest
from django.conf import settings

from matricula.accounts.models import Person
from matricula.catalog.models import Cohort
from matricula.enrollments.admission import Rule
from matricula.enrollments.models import Enrollment
from matricula.flows import accept, expire, overrides, promote, tell, turn, waitlist_mail
from matricula.flows.accept import Acceptance
from matricula.kernel import clock
from matricula.kernel.models import Event
from matricula.notifications.models import Message
from matricula.seats import actions as seats
from matricula.seats.models import Hold
from matricula.waitlist.models import FIRST_RANK, Entry
from tests.support.factories import make_people, make_person
from tests.support.paying import checkout, hear
from tests.support.sandbox import Sandbox
from tests.waitlist.conftest import (
    Full,
    entry,
    full_course,
    offers,
    state,
    told,
)

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)


def messages(kind: str) -> list[Message]:
    return list(Message.objects.filter(kind=kind))


def say_all() -> None:
    tell.tell(Event.objects.filter(type__in=tell.TOLD_TYPES).values_list("seq", flat=True))


# --- before it ends -------------------------------------------------------------------------


def test_an_offer_is_warned_of_once_before_it_ends(paid: Full) -> None:
    place = paid.join()
    paid.free()
    promote.promote(paid.cohort)
    (offer,) = offers(place)
    assert waitlist_mail.warn_of_endings(offer.ends_at - timedelta(hours=3)) == 0
    soon = offer.ends_at - timedelta(hours=1)
    assert [waitlist_mail.warn_of_endings(soon), waitlist_mail.warn_of_endings(soon)] == [1, 0]
    assert told(place)[-1] == "waitlist.ending"
    say_all()
    (warning,) = messages("waitlist_offer_ending")
    assert warning.person_id == entry(place).person_id


def test_a_short_offer_is_warned_of_in_its_last_quarter(paid: Full) -> None:
    place = paid.join()
    soon = clock.now() + timedelta(hours=4)
    Cohort.objects.filter(pk=paid.cohort).update(starts_at=soon, closes_at=None)
    paid.free()
    promote.promote(paid.cohort)
    (offer,) = offers(place)
    assert waitlist_mail.warn_of_endings(offer.ends_at - timedelta(minutes=90)) == 0
    assert waitlist_mail.warn_of_endings(offer.ends_at - timedelta(minutes=50)) == 1


def test_an_offer_taken_is_not_warned_of(paid: Full) -> None:
    place = paid.join()
    paid.free()
    promote.promote(paid.cohort)
    (offer,) = offers(place)
    accept.accept(Acceptance(offer.pk, entry(place).person_id))
    assert waitlist_mail.warn_of_endings(offer.ends_at - timedelta(minutes=5)) == 0


# --- at night -------------------------------------------------------------------------------


@pytest.fixture
def night(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is quiet for the next hour, and not after."""
    begin = (clock.now() - timedelta(minutes=1)).time()
    end = (clock.now() + timedelta(hours=1)).time()
    quiet = replace(settings.ENVIRONMENT.waitlist, quiet_hours=(begin, end))
    monkeypatch.setattr(settings, "ENVIRONMENT", replace(settings.ENVIRONMENT, waitlist=quiet))


def test_at_night_no_seat_is_offered_and_none_is_given_to_newcomers(
    paid: Full, night: None
) -> None:
    place = paid.join()
    paid.free()
    assert promote.promote(paid.cohort) == 0
    assert (state(place), paid.claim()) == ("waiting", "full")
    morning = clock.now() + timedelta(hours=2)
    with clock.using(lambda: morning):
        assert promote.sweep() == 1
    assert state(place) == "offered"


def test_at_night_a_free_seat_is_given_all_the_same(full: Full, night: None) -> None:
    place = full.join()
    full.free()
    promote.promote(full.cohort)
    assert state(place) == "accepted"


@pytest.mark.parametrize(
    ("begin", "end", "is_quiet"),
    [(22, 7, False), (11, 13, True), (12, 13, True), (11, 12, False), (23, 13, True)],
)
def test_quiet_hours_may_go_over_midnight(
    monkeypatch: pytest.MonkeyPatch, begin: int, end: int, is_quiet: bool
) -> None:
    quiet = replace(settings.ENVIRONMENT.waitlist, quiet_hours=(time(begin), time(end)))
    monkeypatch.setattr(settings, "ENVIRONMENT", replace(settings.ENVIRONMENT, waitlist=quiet))
    assert turn.is_quiet(NOON) is is_quiet


# --- paid too late --------------------------------------------------------------------------


def test_who_paid_too_late_for_a_seat_has_the_first_place_and_is_told(sandbox: Sandbox) -> None:
    buyer = checkout(sandbox, "evening-lab")
    cohort = buyer.enrollment.cohort_id
    before, after = (person.pk for person in make_people(2))
    Hold.objects.filter(key=buyer.enrollment_id).update(expires_at=clock.now() - timedelta(days=1))
    expire.expire_due()
    seats.set_capacity(cohort, 1)
    full = Full(buyer.enrollment.course, cohort)
    full.fill(1)
    full.join(person=before)
    hear(buyer.pay()["razorpay_payment_id"])
    full.join(person=after)
    late = Entry.objects.get(person=buyer.person_id)
    assert (late.rank, late.state) == (FIRST_RANK, "waiting")
    assert "first place on the waitlist" in buyer.enrollment.reason
    say_all()
    (said,) = [each for each in messages("waitlist_joined") if each.person_id == buyer.person_id]
    assert "first place" in said.summary
    full.free()
    promote.promote(cohort)
    assert state(late.pk) == "offered"


# --- let past a rule by staff ---------------------------------------------------------------


def let_in(person: Person, full: Full) -> None:
    overrides.grant(
        person.pk,
        full.cohort,
        [Rule.EMAIL_DOMAIN],
        note="Talked to them.",
        expires_at=clock.now() + timedelta(hours=1),
        actor_id=make_person(is_staff=True).pk,
    )


@pytest.mark.parametrize("price", [None, 100_000])
def test_what_staff_excused_is_noted_on_the_enrollment(price: int | None) -> None:
    full, person = full_course(1, price=price, email_domains=["corp.example"]), make_person()
    let_in(person, full)
    place = full.join(person=person.pk)
    full.free()
    promote.promote(full.cohort)
    if price is not None:
        accept.accept(Acceptance(offers(place)[0].pk, person.pk))
    enrollment = Enrollment.objects.get(person=person)
    assert told(enrollment.pk).count("override.used") == 1
