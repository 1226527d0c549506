"""Consent to be reminded of a checkout, and the way back to it."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from django.conf import LazySettings
from django.test import Client

from matricula.accounts import guests
from matricula.accounts.models import Person
from matricula.enrollments.models import Enrollment
from matricula.flows import remind
from matricula.flows.checkout import Terms
from matricula.flows.enroll import Application, enroll
from matricula.kernel import clock, ids
from matricula.notifications import sending
from matricula.notifications.kinds import Category
from matricula.notifications.models import Delivery, Preference
from matricula.orders.models import Order
from tests.support.factories import make_person

pytestmark = pytest.mark.django_db
ENROLL = "/courses/full-stack-development/enroll/"
GUEST_CHECKOUT = "/courses/full-stack-development/guest/"
BOX = 'name="remind"'


@pytest.fixture
def buyer() -> Person:
    return make_person()


@pytest.fixture
def browser(client: Client, buyer: Person) -> Client:
    client.force_login(buyer)
    return client


@pytest.fixture
def unfinished(buyer: Person) -> Order:
    """A checkout with a coupon and a place, which expired unpaid."""
    terms = Terms(country="IN", state="MH", tax_id="27AAPFU0939F1ZV")
    made = enroll(
        Application(buyer.pk, "full-stack-development", coupon_code="SAVE50", terms=terms)
    )
    Enrollment.objects.filter(pk=made.enrollment_id).update(
        stage="expired", requested_at=clock.now() - remind.GRACE / 12
    )
    Order.objects.filter(pk=made.order_id).update(state="expired")
    return Order.objects.get(pk=made.order_id)


def page(browser: Client, url: str) -> str:
    return browser.get(url, follow=True).content.decode()


def test_the_box_stands_unticked_until_somebody_has_decided(browser: Client, buyer: Person) -> None:
    html = page(browser, ENROLL)
    assert f'{BOX} value="1">' in html
    Preference.objects.create(person=buyer, category=Category.REMINDER, wants_mail=False)
    assert BOX not in page(browser, ENROLL)


def test_no_box_where_a_site_asks_for_no_consent(browser: Client, settings: LazySettings) -> None:
    mail = replace(settings.ENVIRONMENT.mail, reminders="on")
    settings.ENVIRONMENT = replace(settings.ENVIRONMENT, mail=mail)
    assert BOX not in page(browser, ENROLL)


def test_a_consent_is_kept_with_its_time_and_words(browser: Client, buyer: Person) -> None:
    browser.post(ENROLL, {"confirm": "1", "remind": "1"})
    kept = Preference.objects.get(person=buyer)
    assert kept.wants_mail
    assert kept.wording.startswith("Remind me by e-mail")
    assert kept.changed_at is not None


def test_a_box_left_empty_decides_nothing(browser: Client, buyer: Person) -> None:
    browser.post(ENROLL, {"confirm": "1"})
    assert not Preference.objects.filter(person=buyer).exists()


def test_the_reminder_leads_back_to_the_checkout_as_it_was(
    browser: Client, buyer: Person, unfinished: Order
) -> None:
    Preference.objects.create(person=buyer, category=Category.REMINDER, wants_mail=True)
    assert remind.tell_unfinished_checkouts() == 1
    row = Delivery.objects.get(person=buyer, kind="checkout_waiting")
    assert row.content is not None
    link = f"/orders/{ids.to_text('ord', unfinished.pk)}/again/"
    assert link in row.content["text"]
    html = page(browser, link)
    assert 'value="SAVE50"' in html
    assert 'value="27AAPFU0939F1ZV"' in html
    assert '<option value="MH" selected>' in html


def test_an_order_of_several_courses_is_back_in_the_cart(
    browser: Client, buyer: Person, unfinished: Order
) -> None:
    other = enroll(Application(buyer.pk, "evening-lab"))
    line = Order.objects.get(pk=other.order_id).lines.get()
    line.position = 2
    line.order = unfinished
    line.save()
    answer = browser.get(f"/orders/{ids.to_text('ord', unfinished.pk)}/again/")
    assert answer.headers["Location"].startswith("/cart/?again=")
    assert browser.session["cart"] == ["full-stack-development", "evening-lab"]


def test_the_checkout_of_somebody_else_is_not_found_and_fills_in_nothing(
    client: Client, unfinished: Order
) -> None:
    client.force_login(make_person())
    reference = ids.to_text("ord", unfinished.pk)
    assert client.get(f"/orders/{reference}/again/").status_code == 404
    assert "SAVE50" not in page(client, f"{ENROLL}?again={reference}")


GUEST = {"full_name": "Gast", "email": "gast@example.org", "country": "IN", "state": "KA"}


@pytest.fixture
def guest(client: Client) -> Person:
    """Somebody who bought as a guest with a coupon, wants to be reminded, and did not pay."""
    assert f'{BOX} value="1">' in page(client, GUEST_CHECKOUT)
    sent = {**GUEST, "coupon": "SAVE50", "confirm": "1", "remind": "1"}
    assert client.post(GUEST_CHECKOUT, sent).status_code == 303
    person = Person.objects.get(guest_email="gast@example.org")
    Enrollment.objects.filter(person=person).update(
        stage="expired", requested_at=clock.now() - remind.GRACE / 12
    )
    Order.objects.filter(person=person).update(state="expired")
    return person


def test_a_guest_who_agreed_is_led_back_to_the_checkout_as_it_was(guest: Person) -> None:
    assert remind.tell_unfinished_checkouts() == 1
    row = Delivery.objects.get(person=guest, kind="checkout_waiting")
    assert row.address == "gast@example.org"
    assert row.content is not None
    (link,) = re.findall(r"/guests/\S+/again/\S+/", row.content["text"])
    elsewhere = Client(HTTP_HOST="127.0.0.1")
    html = page(elsewhere, link)
    assert 'value="SAVE50"' in html
    assert 'value="gast@example.org"' in html
    assert "SAVE50" not in page(Client(HTTP_HOST="127.0.0.1"), link.partition("/again/")[0] + "/")


def test_a_guest_who_bought_meanwhile_under_the_same_address_is_not_reminded(
    guest: Person, client: Client
) -> None:
    remind.tell_unfinished_checkouts()
    row = Delivery.objects.get(person=guest, kind="checkout_waiting")
    assert sending._still_true["checkout_waiting"](row) is True
    client.post(GUEST_CHECKOUT, {**GUEST, "confirm": "1"})
    assert sending._still_true["checkout_waiting"](row) is False


def test_a_guest_who_did_not_agree_is_never_reminded(guest: Person, settings: LazySettings) -> None:
    Preference.objects.all().delete()
    for mode in ("consent", "on"):
        mail = replace(settings.ENVIRONMENT.mail, reminders=mode)
        settings.ENVIRONMENT = replace(settings.ENVIRONMENT, mail=mail)
        assert remind.tell_unfinished_checkouts() == 0


def test_the_link_back_opens_only_the_guests_own_orders(
    guest: Person, unfinished: Order, client: Client
) -> None:
    reference = ids.to_text("ord", unfinished.pk)
    token = guests.link_token(guest.pk)
    assert client.get(f"/guests/{token}/again/{reference}/").status_code == 404
    assert client.get(f"/guests/no-token/again/{reference}/").status_code == 404
