"""Endpoints of other systems in the console."""

from __future__ import annotations

import re

import pytest
from django.contrib.auth.models import Permission
from django.test import Client

from matricula.accounts.models import Person
from matricula.flows import webhooks
from matricula.webhooks.models import Delivery, Endpoint, Secret
from tests.console import addresses
from tests.console.conftest import sign_in
from tests.support.factories import make_person

pytestmark = pytest.mark.django_db

FORM = {
    "url": "https://example.org/hook",
    "description": "Ledger",
    "notify": "ops@example.org",
    "types": ["payment.completed", "payment.refunded"],
}


def page_of(endpoint: Endpoint, action: str = "change") -> str:
    return f"{addresses.ENDPOINTS}{endpoint.pk}/{action}/"


def made(console: Client) -> tuple[Endpoint, str]:
    """An endpoint, and where its form led."""
    sent = console.post(f"{addresses.ENDPOINTS}add/", FORM)
    assert sent.status_code == 302, sent.content
    return Endpoint.objects.get(), sent.headers["Location"]


def test_a_new_endpoint_gets_its_secret_which_is_shown_once(console: Client) -> None:
    endpoint, location = made(console)
    assert (endpoint.state, endpoint.types) == ("paused", FORM["types"])
    assert location == page_of(endpoint, "secret")
    assert not Secret.objects.exists()
    shown = console.post(location)
    assert "no-store" in shown.headers["Cache-Control"]
    found = re.search(r"whsec_[A-Za-z0-9+/=]+", shown.content.decode())
    assert found is not None
    endpoint.refresh_from_db()
    assert endpoint.state == "active"
    for address in (location, page_of(endpoint), page_of(endpoint, "history")):
        assert found[0] not in console.get(address, follow=True).content.decode()
    told = [event.type for event in addresses.events_of(endpoint.pk)]
    assert told == ["webhook.created", "webhook.secret_made", "webhook.started"]
    assert found[0] not in str([event.data for event in addresses.events_of(endpoint.pk)])


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("url", "http://example.org/"),
        ("url", "https://10.0.0.1/"),
        ("url", "https://[::1]/"),
        ("types", ["no.such.type"]),
        ("types", []),
        ("notify", "nobody"),
    ],
)
def test_a_wrong_endpoint_is_refused_by_its_field(
    console: Client, field: str, value: object
) -> None:
    page = console.post(f"{addresses.ENDPOINTS}add/", {**FORM, field: value})
    assert page.status_code == 200
    assert not Endpoint.objects.exists()


def test_it_is_paused_started_tested_and_its_secret_changed(console: Client) -> None:
    endpoint, _ = made(console)
    console.post(page_of(endpoint, "secret"))
    console.post(page_of(endpoint, "pause"))
    endpoint.refresh_from_db()
    assert endpoint.state == "paused"
    refused = console.post(page_of(endpoint, "test"), follow=True).content.decode()
    assert "Start the endpoint first." in refused
    console.post(page_of(endpoint, "start"))
    console.post(page_of(endpoint, "test"))
    assert Delivery.objects.get().type == "webhook.test"
    console.post(page_of(endpoint, "secret"))
    assert Secret.objects.filter(expires_at=None).count() == 1
    assert Secret.objects.count() == 2
    page = console.get(page_of(endpoint)).content.decode()
    assert "Pause" in page


def test_what_became_of_a_delivery_is_shown_and_it_is_replayed(console: Client) -> None:
    endpoint, _ = made(console)
    console.post(page_of(endpoint, "secret"))
    delivery = Delivery.objects.get(pk=webhooks.test(endpoint.pk))
    delivery.attempts.create(status=500, error="It answered 500.", answer="<b>", milliseconds=12)
    Delivery.objects.update(state="failed")
    page = console.get(f"{addresses.WEBHOOK_DELIVERIES}{delivery.pk}/change/").content.decode()
    assert "It answered 500." in page
    assert "&lt;b&gt;" in page
    console.post(f"{addresses.WEBHOOK_DELIVERIES}{delivery.pk}/replay/")
    delivery.refresh_from_db()
    assert (delivery.state, delivery.tries) == ("pending", 0)
    found = console.get(addresses.WEBHOOK_DELIVERIES, {"q": str(delivery.subject)}).content.decode()
    assert str(delivery.pk) in found


def test_looking_is_not_changing(console: Client) -> None:
    endpoint, _ = made(console)
    looker: Person = make_person(is_staff=True)
    looker.user_permissions.add(Permission.objects.get(codename="view_endpoint"))
    client = sign_in(looker)
    assert client.get(page_of(endpoint)).status_code == 200
    for action in ("secret", "start", "pause", "test"):
        assert client.post(page_of(endpoint, action)).status_code == 403
    assert not Secret.objects.exists()
