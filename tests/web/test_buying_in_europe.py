"""What pages say to buyers in Europe: about VAT ids, and about withdrawing."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from matricula.accounts.models import Person
from matricula.catalog.models import Cohort
from matricula.flows import pay, reconcile, tax_ids
from matricula.kernel import ids
from matricula.orders.models import Order, OrderLine
from matricula.payments.models import Refund
from matricula.pricing.models import Seller, TaxRate
from matricula.taxids.models import TaxId
from tests.support.people import person
from tests.support.sandbox import Sandbox

pytestmark = pytest.mark.django_db
ENROLL = "/courses/full-stack-development/enroll/"
BUSINESS = {"country": "FR", "tax_id": "FR 40303265045"}


def text(response: Any) -> str:
    content: str = response.content.decode()
    return content


def begins_at_once() -> None:
    Cohort.objects.filter(course__slug="full-stack-development").update(
        starts_at=None, ends_at=None
    )


@pytest.fixture
def german_seller(db: None) -> None:
    Seller.objects.update(country="DE", state="", gstin="", vat_id="DE136695976")
    TaxRate.objects.create(country="FR", head="VAT", percent=Decimal(20))


def bought(member: Client, sandbox: Sandbox, **fields: str) -> str:
    """A paid enrollment of a consumer in Germany; its page."""
    agreed = member.post(ENROLL, {"country": "DE", "confirm": "1", **fields})
    assert agreed.status_code == 303, text(agreed)
    session = pay.open_session(Order.objects.get().pk, None)
    sandbox.pay(str(session.payment.provider_order_id), webhook="never")
    reconcile.check(session.payment.id)
    return f"/enrollments/{ids.to_text('enr', OrderLine.objects.get().enrollment_id)}/"


@pytest.mark.usefixtures("german_seller")
def test_an_unconfirmed_vat_id_is_charged_vat_and_the_page_says_why(member: Client) -> None:
    page = text(member.get(ENROLL, BUSINESS))
    assert "is being asked about this VAT id" in page
    assert "VAT 20 %" in page
    assert "The VAT id was not confirmed yet: VAT is charged." in page
    assert "In part:" not in page


@pytest.mark.usefixtures("german_seller")
def test_a_confirmed_vat_id_is_charged_none(member: Client) -> None:
    member.get(ENROLL, BUSINESS)
    row = TaxId.objects.get()
    tax_ids.decide(row.pk, confirmed=True, actor_id=person().pk, reason="Seen.")
    page = text(member.get(ENROLL, BUSINESS))
    assert "you owe the VAT yourself" in page
    assert "VAT 20 %" not in page
    tax_ids.decide(row.pk, confirmed=False, actor_id=person().pk, reason="Forged.")
    assert "does not know this VAT id" in text(member.get(ENROLL, BUSINESS))


@pytest.mark.usefixtures("german_seller")
def test_a_vat_id_of_another_country_is_wrong_in_its_field(member: Client) -> None:
    page = text(member.get(ENROLL, {**BUSINESS, "country": "DE"}))
    assert "This VAT id is of another country than the bill." in page
    assert not TaxId.objects.exists()


def test_consumers_in_europe_are_told_of_their_right_and_others_not(member: Client) -> None:
    told = "You may withdraw within 14 days"
    page = text(member.get(ENROLL, {"country": "DE"}))
    assert told in page
    assert 'name="waive"' not in page  # it begins after the period
    begins_at_once()
    assert 'name="waive"' in text(member.get(ENROLL, {"country": "DE"}))
    assert told not in text(member.get(ENROLL))
    assert told not in text(member.get(ENROLL, BUSINESS))


def test_withdrawing_takes_two_steps(member: Client, sandbox: Sandbox) -> None:
    page = bought(member, sandbox)
    assert "Withdraw from the contract" in text(member.get(page))
    assert "You can also withdraw" in text(member.get(page + "cancel/"))
    first = text(member.get(page + "withdraw/"))
    assert "Step 1 of 2" in first
    assert not Refund.objects.exists()
    second = text(member.post(page + "withdraw/"))
    assert "Confirm withdrawal" in second
    assert not Refund.objects.exists()
    done = text(member.post(page + "withdraw/", {"confirm": "1"}, follow=True))
    assert "You have withdrawn." in done
    assert "You withdrew from the contract." in done
    assert Refund.objects.get().amount_minor == Order.objects.get().total_minor
    again = text(member.post(page + "withdraw/", {"confirm": "1"}, follow=True))
    assert "its time is over" in again
    assert Refund.objects.count() == 1


def test_who_gave_the_right_up_is_offered_nothing(member: Client, sandbox: Sandbox) -> None:
    begins_at_once()
    page = bought(member, sandbox, waive="1")
    assert "Withdraw from the contract" not in text(member.get(page))
    assert "its time is over" in text(member.get(page + "withdraw/", follow=True))


def test_nobody_withdraws_for_another(member: Client, learner: Person, sandbox: Sandbox) -> None:
    page = bought(member, sandbox)
    other = Client(HTTP_HOST="127.0.0.1")
    other.force_login(person())
    assert other.get(page + "withdraw/").status_code == 404
    assert other.post(page + "withdraw/", {"confirm": "1"}).status_code == 404
    assert not Refund.objects.exists()
