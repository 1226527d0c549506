"""Payments raced over real HTTP: browser and webhook at once, the last seat, the last coupon."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import httpx
import psycopg
import pytest

from tests.support.crowds import wait_until
from tests.support.paid_sites import PaidSite, running_paid_site

BUYERS = 50


@pytest.fixture
def paid_site() -> Iterator[PaidSite]:
    with running_paid_site() as running:
        yield running


def query(site: PaidSite, statement: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(site.site.database_url, autocommit=True) as connection:
        cursor = connection.execute(statement)
        return cursor.fetchall() if cursor.description else []


def initialize(site: PaidSite, token: str, **body: str) -> httpx.Response:
    with site.site.client(token) as client:
        return client.post("/api/v1/enrollments/initialize", json=body)


def all_at_once(site: PaidSite, **body: str) -> Counter[str]:
    """Everybody asks in the same moment; how often each answer was given."""
    tokens = site.tokens(BUYERS)
    gate = Barrier(BUYERS)

    def work(token: str) -> str:
        gate.wait()
        response = initialize(site, token, **body)
        return str(response.json().get("code", response.status_code))

    with ThreadPoolExecutor(BUYERS) as pool:
        return Counter(pool.map(work, tokens))


def test_browser_and_webhook_at_once_settle_once(paid_site: PaidSite) -> None:
    query(paid_site, "UPDATE seats_seatcount SET capacity = NULL")
    tokens = paid_site.tokens(BUYERS)

    def buy(token: str) -> int:
        made = initialize(paid_site, token, course_id="full-stack-development").json()
        assert made.get("payment_session"), made
        given = paid_site.sandbox.pay(made["payment_session"]["razorpay_order_id"])
        url = f"/api/v1/enrollments/{made['enrollment_id']}/verify-payment"
        with paid_site.site.client(token) as client, ThreadPoolExecutor(2) as pair:
            answers = list(pair.map(lambda _: client.post(url, json=given), range(2)))
        assert [answer.status_code for answer in answers] == [200, 200], [a.text for a in answers]
        return sum(answer.json()["payment_status"] == "completed" for answer in answers)

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(buy, tokens)) == 2 * BUYERS
    wait_until(
        lambda: (
            query(
                paid_site, "SELECT count(*) FROM payments_inboxevent WHERE next_try_at IS NOT NULL"
            )
            == [(0,)]
        )
    )
    events = "SELECT type, count(*) FROM kernel_event GROUP BY type"
    counted = dict(query(paid_site, events))
    assert counted["payment.completed"] == counted["access.granted"] == BUYERS
    assert query(paid_site, "SELECT count(*) FROM payments_charge") == [(BUYERS,)]
    doctor = paid_site.matricula("doctor")
    assert doctor.returncode == 0, doctor.stdout


def test_the_last_seats_go_to_as_many_buyers(paid_site: PaidSite) -> None:
    answers = all_at_once(paid_site, course_id="evening-lab")
    assert answers == {"201": 2, "course_full": BUYERS - 2}
    assert paid_site.matricula("doctor").returncode == 0


def test_the_last_use_of_a_coupon_goes_to_one_buyer(paid_site: PaidSite) -> None:
    query(paid_site, "UPDATE seats_seatcount SET capacity = NULL")
    query(paid_site, "UPDATE pricing_coupon SET percent = 40 WHERE code = 'ONCE'")
    answers = all_at_once(paid_site, course_id="full-stack-development", coupon_code="ONCE")
    assert answers == {"201": 1, "coupon_exhausted": BUYERS - 1}
    assert query(paid_site, "SELECT count(*) FROM seats_hold WHERE state = 'held'") == [(1,)]
    assert paid_site.matricula("doctor").returncode == 0
