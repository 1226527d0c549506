"""The delivery log in the console."""

from __future__ import annotations

import pytest
from django.test import Client

from matricula.kernel.models import Event
from matricula.notifications import actions
from matricula.notifications.models import Delivery, SuppressedAddress
from matricula.notifications.states import DeliveryState
from tests.console import addresses

pytestmark = pytest.mark.django_db


@pytest.fixture
def failed() -> Delivery:
    row = actions.new_delivery(
        "other", "lea@example.org", "A letter", {"text": "x", "html": "", "headers": {}}
    )
    row.state, row.error = DeliveryState.FAILED, "554 no"
    row.save()
    return row


def test_a_failed_mail_is_found_by_its_address_with_the_reason(
    console: Client, failed: Delivery
) -> None:
    found = console.get(addresses.DELIVERIES, {"q": "Lea@example.org"}).content.decode()
    assert "A letter" in found
    shown = console.get(addresses.change(addresses.DELIVERIES, failed.pk)).content.decode()
    assert "554 no" in shown


def test_staff_sends_it_again_and_the_log_says_so(console: Client, failed: Delivery) -> None:
    console.get(f"{addresses.DELIVERIES}{failed.pk}/send-again/")
    failed.refresh_from_db()
    assert failed.state == DeliveryState.QUEUED
    assert Event.objects.filter(subject=failed.pk, type="message.requeued").count() == 1


def test_a_suppressed_address_is_allowed_again(console: Client) -> None:
    actions.suppress("gone@example.org", SuppressedAddress.Reason.BOUNCE, "5.1.1")
    row = SuppressedAddress.objects.get()
    console.post(f"{addresses.SUPPRESSED}{row.pk}/delete/", {"post": "yes"})
    assert not SuppressedAddress.objects.exists()
    assert Event.objects.filter(type="address.allowed").count() == 1


def test_every_letter_can_be_looked_at_and_does_nothing(console: Client) -> None:
    listing = console.get(f"{addresses.DELIVERIES}letters/")
    assert listing.status_code == 200
    letter = console.get(f"{addresses.DELIVERIES}letters/receipt/html/")
    assert letter.status_code == 200
    assert "default-src 'none'" in letter["Content-Security-Policy"]
    text = console.get(f"{addresses.DELIVERIES}letters/receipt/text/")
    assert text["Content-Type"].startswith("text/plain")


@pytest.mark.parametrize("name", ["nonsense/html", "receipt/pdf"])
def test_a_letter_that_is_not_there_is_not_found(console: Client, name: str) -> None:
    assert console.get(f"{addresses.DELIVERIES}letters/{name}/").status_code == 404
