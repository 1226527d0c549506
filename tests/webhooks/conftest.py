"""An endpoint, and a receiver behind it."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest
from django.conf import LazySettings, settings

from matricula.accounts.models import Person
from matricula.flows import webhooks
from matricula.kernel import effects
from matricula.webhooks.models import Delivery, Endpoint
from tests.support.factories import make_person
from tests.webhooks.receivers import Receiver, running_receiver

LOOPBACK = (ipaddress.ip_network("127.0.0.0/8"),)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with running_receiver() as running:
        yield running


@pytest.fixture
def loopback_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if the operator had named this machine's own network."""
    known = replace(settings.ENVIRONMENT, webhook_networks=LOOPBACK)
    monkeypatch.setattr(settings, "ENVIRONMENT", known)


@pytest.fixture(autouse=True)
def queued_mail(settings: LazySettings) -> None:
    settings.EMAIL_BACKEND = "matricula.notifications.mail.Backend"


@dataclass
class Told:
    """An endpoint that is told, its secret, and who made it."""

    endpoint: Endpoint
    secret: str
    staff: Person

    @property
    def deliveries(self) -> list[Delivery]:
        return list(Delivery.objects.filter(endpoint=self.endpoint).order_by("event_seq"))


def make_told(url: str, *types: str) -> Told:
    staff = make_person(is_staff=True)
    wanted = list(types) or ["enrollment.requested", "enrollment.confirmed", "access.granted"]
    endpoint = Endpoint.objects.create(url=url, types=wanted, notify="ops@example.org")
    return Told(endpoint, webhooks.make_secret(endpoint.pk, staff.pk), staff)


def run_owed() -> None:
    """What writes deliveries down, as a worker does it."""
    effects.do_due("matricula.flows.jobs.owe_webhooks")


@pytest.fixture
def told(db: Any, receiver: Receiver, loopback_allowed: None) -> Told:
    return make_told(receiver.url)
