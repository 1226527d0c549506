"""What pages say to buyers in Europe: about VAT ids, and about withdrawing."""

from __future__ import annotations

import re
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from matricula.accounts.models import Person
from matricula.catalog.models import Cohort
from matricula.flows import pay, reconcile, tax_ids, tell
from matricula.kernel import clock, ids
from matricula.kernel.models import Event
from matricula.notifications.models import Delivery
from matricula.orders.models import Order, OrderLine
from matricula.payments.models import Refund
from matricula.pricing.models import Seller, TaxRate
from matricula.taxids import actions
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
def test_an_unconfirmed_vat_id_is_charged_vat_and_the_page_says_why(
    member: Client, settings: Any
) -> None:
    settings.ENVIRONMENT = replace(settings.ENVIRONMENT, vies_url="http://127.0.0.1:9")
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
    refused = text(member.get(ENROLL, BUSINESS))
    assert "This VAT id was not accepted" in refused
    assert "VIES" not in refused  # it was staff's word


@pytest.mark.usefixtures("german_seller")
def test_a_vat_id_that_the_register_does_not_know_is_said_to_be_so(member: Client) -> None:
    member.get(ENROLL, BUSINESS)
    TaxId.objects.update(state="refused", checked_at=clock.now(), next_try_at=None)
    assert "(VIES) does not know this VAT id" in text(member.get(ENROLL, BUSINESS))


@pytest.mark.usefixtures("german_seller")
def test_where_vies_is_off_the_page_does_not_say_that_it_is_asked(
    member: Client, settings: Any
) -> None:
    settings.ENVIRONMENT = replace(settings.ENVIRONMENT, vies_url="")
    page = text(member.get(ENROLL, BUSINESS))
    assert "This VAT id is not confirmed yet, so VAT is charged. Ask support" in page
    assert "VIES" not in page


@pytest.mark.usefixtures("german_seller")
def test_an_id_that_waits_for_staff_is_not_said_to_be_asked_about(
    member: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(actions, "MOST_WAITING", 0)
    page = text(member.get(ENROLL, BUSINESS))
    assert "This VAT id is not confirmed yet" in page
    assert "VIES" not in page


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


# --- guests -----------------------------------------------------------------------------------


def bought_as_guest(sandbox: Sandbox, email: str) -> str:
    """What somebody in Germany without an account has paid for: the link in their mail."""
    browser = Client(HTTP_HOST="127.0.0.1")
    fields = {"full_name": "Ute", "email": email, "country": "DE", "confirm": "1"}
    agreed = browser.post(ENROLL.replace("enroll", "guest"), fields)
    assert agreed.status_code == 303, text(agreed)
    order = Order.objects.latest("pk")
    session = pay.open_session(order.pk, None)
    sandbox.pay(str(session.payment.provider_order_id), webhook="never")
    reconcile.check(session.payment.id)
    tell.tell(Event.objects.filter(type="payment.completed").values_list("seq", flat=True))
    mail = Delivery.objects.filter(kind="receipt").latest("created_at").content
    assert mail is not None
    assert "without giving a reason: by the link below" in mail["text"]
    found = re.search(r"/guests/[^/]+/", mail["text"])
    assert found is not None
    return found.group()


def way_out(link: str) -> str:
    """The link of the guest's page that leads to withdrawing."""
    (found,) = re.findall(r'href="(/guests/[^"]+/withdraw/[^"]+)"', text(stranger().get(link)))
    return str(found)


def stranger() -> Client:
    return Client(HTTP_HOST="127.0.0.1")


def test_a_guest_withdraws_by_the_link_in_their_mail_without_an_account(sandbox: Sandbox) -> None:
    link = bought_as_guest(sandbox, "ute@example.com")
    reader, way = stranger(), way_out(link)
    assert "Step 1 of 2" in text(reader.get(way))
    second = reader.post(way)
    assert "Confirm withdrawal" in text(second)
    assert (second["Referrer-Policy"], "no-store" in second["Cache-Control"]) == (
        "strict-origin",
        True,
    )
    assert not Refund.objects.exists()
    done = text(reader.post(way, {"confirm": "1"}, follow=True))
    assert "You have withdrawn." in done
    assert "/withdraw/" not in done
    assert "its time is over" in text(reader.post(way, {"confirm": "1"}, follow=True))
    assert Refund.objects.get().amount_minor == Order.objects.get().total_minor
    tell.tell(Event.objects.filter(type="payment.withdrawn").values_list("seq", flat=True))
    assert Delivery.objects.get(kind="withdrawn").address == "ute@example.com"


def test_a_guest_withdraws_from_nothing_of_another(sandbox: Sandbox) -> None:
    mine, theirs = (bought_as_guest(sandbox, f"{name}@example.com") for name in ("ute", "kai"))
    foreign = way_out(theirs).replace(theirs, mine)
    for way in (foreign, way_out(mine).replace(mine, "/guests/forged/")):
        assert stranger().get(way).status_code == 404
        assert stranger().post(way, {"confirm": "1"}).status_code == 404
    assert not Refund.objects.exists()


def test_a_link_that_was_used_for_an_account_withdraws_from_nothing(sandbox: Sandbox) -> None:
    link = bought_as_guest(sandbox, "ute@example.com")
    way, reader = way_out(link), stranger()
    assert reader.post(link, {"password": "correct-horse-97-battery"}).status_code == 303
    assert reader.post(way, {"confirm": "1"}).status_code == 404
    assert not Refund.objects.exists()
