"""A seller in Germany, a register to ask, and a French business that buys."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal

import pytest
from django.conf import settings

from matricula.pricing.models import Seller, TaxRate
from tests.taxids.register import Register, running_register

SELLER = "DE136695976"
BUYER = "FR40303265045"


@pytest.fixture
def register() -> Iterator[Register]:
    with running_register() as register:
        register.valid[BUYER] = "LIBRAIRIE DU CENTRE"
        yield register


@pytest.fixture
def seller(db: None, register: Register, monkeypatch: pytest.MonkeyPatch) -> None:
    Seller.objects.update(country="DE", state="", gstin="", vat_id=SELLER)
    TaxRate.objects.create(country="FR", head="VAT", percent=Decimal(20))
    TaxRate.objects.create(country="DE", head="VAT", percent=Decimal(19))
    asking = replace(settings.ENVIRONMENT, vies_url=register.url)
    monkeypatch.setattr(settings, "ENVIRONMENT", asking)
