"""The lock of a coupon's row, and what happens without it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from django.db import transaction

from matricula.kernel import ids
from matricula.pricing import actions
from matricula.pricing.errors import CouponExhausted
from matricula.pricing.models import Coupon, CouponUse
from tests.races.conftest import Track
from tests.support.crowds import all_at_once

BUYERS = 12


def race(track: Track, coupon: Coupon) -> int:
    """Everybody takes a use in the same moment; how many got one."""

    def taking(person_id: UUID) -> Callable[[], bool]:
        @transaction.atomic
        def take() -> bool:
            actions.take_coupons(
                [coupon.pk], person_id=person_id, email=f"{person_id}@x", order_id=ids.new_id()
            )
            return True

        return take

    outcomes = all_at_once(track.url, [taking(person) for person in track.crowd(BUYERS)])
    assert all(outcome is True or isinstance(outcome, CouponExhausted) for outcome in outcomes)
    return outcomes.count(True)


@pytest.fixture
def coupon(track: Track) -> Coupon:
    return Coupon.objects.create(code="LAST", kind="percent", percent=10, total_limit=1)


def test_one_buyer_gets_the_last_use(track: Track, coupon: Coupon) -> None:
    assert race(track, coupon) == 1
    assert CouponUse.objects.filter(coupon=coupon).count() == 1


def test_without_the_lock_many_do(
    track: Track, coupon: Coupon, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The negative control: neither the row's lock nor the CHECK behind it."""
    track.run("ALTER TABLE pricing_coupon DROP CONSTRAINT coupon_never_overused")
    read = threading.Barrier(BUYERS, timeout=30)

    def unlocked(coupon_ids: Any) -> list[Coupon]:
        found = list(Coupon.objects.filter(pk__in=list(coupon_ids)))
        read.wait()
        return found

    blind: Callable[..., list[Coupon]] = unlocked
    monkeypatch.setattr(actions, "_lock", blind)
    assert race(track, coupon) == BUYERS
