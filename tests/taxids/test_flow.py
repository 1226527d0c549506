"""From a VAT id given at a checkout to who owes the tax."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest
from django.conf import settings

from matricula.flows import doctor, enroll, issue, pay, quote, reconcile, tax_ids
from matricula.flows.applications import Application
from matricula.flows.checkout import Terms
from matricula.kernel import clock
from matricula.kernel.errors import ValidationFailed
from matricula.kernel.models import Event
from matricula.orders.models import Order
from matricula.pricing.models import Seller
from matricula.pricing.tax import NOTE_REVERSE_CHARGE, NOTE_UNCONFIRMED
from matricula.pricing.values import Place
from matricula.taxids import actions
from matricula.taxids.models import TaxId
from matricula.taxids.states import TaxIdState
from tests.support.people import person
from tests.support.sandbox import Sandbox
from tests.taxids.conftest import BUYER
from tests.taxids.register import CONSULTATION, Register

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("seller")]
COURSE = "full-stack-development"


def bought() -> Order:
    """A checkout of the French business."""
    application = Application(person().pk, COURSE, terms=Terms(country="FR", tax_id=BUYER))
    receipt = enroll.enroll(application)
    assert receipt.order_id is not None
    return Order.objects.get(pk=receipt.order_id)


def the_id() -> TaxId:
    return TaxId.objects.get(number=BUYER)


def told(tax_id: UUID) -> list[str]:
    rows = Event.objects.filter(subject=tax_id).order_by("subject_seq")
    return [row.type for row in rows]


def again_later(seconds: float) -> None:
    """The next try is due."""
    due = TaxId.objects.get().next_try_at
    assert due is not None
    assert due - clock.now() <= timedelta(seconds=seconds)
    TaxId.objects.update(next_try_at=clock.now() - timedelta(seconds=1))


def test_until_it_is_confirmed_vat_is_charged_and_the_order_says_why(register: Register) -> None:
    order = bought()
    assert (order.tax_minor, order.notes) == (59_980, [NOTE_UNCONFIRMED])
    assert order.tax_evidence == ""
    assert register.asked == []  # nobody waits for VIES
    assert told(the_id().pk) == ["tax_id.submitted"]


def test_a_confirmed_id_owes_the_tax_itself_and_the_proof_is_printed(sandbox: Sandbox) -> None:
    bought()
    tax_ids.check(the_id().pk)
    order = bought()
    assert (order.tax_minor, order.notes) == (0, [NOTE_REVERSE_CHARGE])
    assert CONSULTATION in order.tax_evidence
    session = pay.open_session(order.pk, None)
    sandbox.pay(str(session.payment.provider_order_id), webhook="never")
    reconcile.check(session.payment.id)
    paper = issue.issue_invoice(order.pk)
    assert paper is not None
    assert f"VAT id {BUYER}" in paper.content["buyer"]["lines"]
    assert order.tax_evidence in paper.content["buyer"]["lines"]
    assert NOTE_REVERSE_CHARGE in paper.content["notes"]
    assert doctor.examine() == []


def test_it_is_asked_once_for_many_checkouts(register: Register) -> None:
    bought()
    bought()
    tax_ids.check(the_id().pk)
    tax_ids.check(the_id().pk)
    bought()
    assert len(register.asked) == 1
    assert told(the_id().pk) == ["tax_id.submitted", "tax_id.confirmed"]


def test_a_register_that_is_away_is_asked_again_and_nothing_is_concluded(
    register: Register,
) -> None:
    register.broken = ["MS_UNAVAILABLE", "TIMEOUT"]
    bought()
    tax_ids.check(the_id().pk)
    assert (the_id().state, the_id().trouble) == (TaxIdState.PENDING, "MS_UNAVAILABLE")
    assert tax_ids.check_due() == 0
    again_later(20)
    assert tax_ids.check_due() == 1
    again_later(40)
    assert tax_ids.check_due() == 1
    assert (the_id().state, the_id().trouble) == (TaxIdState.CONFIRMED, "")


def test_after_three_days_of_silence_it_is_asked_no_more(register: Register) -> None:
    register.broken = ["MS_UNAVAILABLE"]
    bought()
    TaxId.objects.update(submitted_at=clock.now() - timedelta(days=4))
    tax_ids.check(the_id().pk)
    assert the_id().next_try_at is None
    bought()  # until somebody gives it again
    assert the_id().next_try_at is not None


def test_an_id_that_is_not_valid_is_charged(register: Register) -> None:
    register.valid.clear()
    bought()
    tax_ids.check(the_id().pk)
    assert bought().tax_minor == 59_980
    assert told(the_id().pk) == ["tax_id.submitted", "tax_id.refused"]


def test_a_confirmation_older_than_a_month_counts_no_more_and_is_asked_for_again() -> None:
    bought()
    tax_ids.check(the_id().pk)
    TaxId.objects.update(checked_at=clock.now() - timedelta(days=31))
    assert bought().tax_minor == 59_980
    tax_ids.check(the_id().pk)
    assert bought().tax_minor == 0


def test_what_staff_decides_stands_whatever_vies_says(register: Register) -> None:
    register.valid.clear()
    staff = person().pk
    bought()
    tax_ids.decide(the_id().pk, confirmed=True, actor_id=staff, reason="Certificate seen.")
    assert "by the seller" in bought().tax_evidence
    TaxId.objects.update(next_try_at=clock.now())
    tax_ids.check(the_id().pk)
    assert the_id().state == TaxIdState.CONFIRMED
    assert Event.objects.filter(type="tax_id.confirmed", actor=staff).count() == 1
    tax_ids.decide(the_id().pk, confirmed=False, actor_id=staff, reason="It was forged.")
    assert bought().tax_minor == 59_980


def test_nobody_is_asked_where_it_would_change_nothing() -> None:
    at_home = Place("DE", tax_id="DE136695976")
    abroad = Place("CH", tax_id="CHE107787577")
    assert tax_ids.submit(at_home) is None
    assert tax_ids.submit(abroad) is None
    assert tax_ids.submit(Place("FR")) is None
    Seller.objects.update(country="IN", state="KA")
    assert tax_ids.submit(Place("FR", tax_id=BUYER)) is None
    assert not TaxId.objects.exists()


def test_a_flood_of_ids_waits_for_staff_instead_of_vies(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(actions, "MOST_WAITING", 1)
    for number in (BUYER, "FR83404833048"):
        tax_ids.submit(Place("FR", tax_id=number))
    assert TaxId.objects.exclude(next_try_at=None).count() == 1


def test_without_a_register_staff_alone_confirms(monkeypatch: pytest.MonkeyPatch) -> None:
    alone = replace(settings.ENVIRONMENT, vies_url="")
    monkeypatch.setattr(settings, "ENVIRONMENT", alone)
    bought()
    tax_ids.check(the_id().pk)
    assert tax_ids.check_due() == 0
    assert the_id().state == TaxIdState.PENDING


@pytest.mark.parametrize("number", ["FR123", BUYER.replace("FR", "DE"), "DE136695976"])
def test_an_id_that_cannot_be_of_that_country_is_refused_at_once(number: str) -> None:
    with pytest.raises(ValidationFailed) as refused:
        quote.place_of("FR", "", number)
    assert [error.field for error in refused.value.guidance.errors] == ["tax_id"]


def test_reverse_charge_without_proof_is_named_by_the_doctor() -> None:
    order = bought()
    Order.objects.filter(pk=order.pk).update(notes=[NOTE_REVERSE_CHARGE])
    found = [finding.check for finding in doctor.examine()]
    assert found == ["unproven_reverse_charge"]
