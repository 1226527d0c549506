"""What the desk leaves unfinished: a gateway that takes its time keeps nobody waiting who wants
nothing of it, and whoever would wait too long for it is told at once."""

from __future__ import annotations

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus

import httpx
import psycopg
import pytest

from matricula.edges.api import initializing
from matricula.edges.live import finishing
from matricula.edges.live.finishing import Finishing
from matricula.flows.applications import Application, Receipt, Request, Unfinished
from matricula.flows.desk import LONGEST_WAIT
from matricula.flows.enroll import enroll_many
from matricula.kernel import ids
from matricula.kernel.errors import NotFound, Overloaded
from matricula.orders.models import Order
from tests.support.crowds import wait_until
from tests.support.paid_sites import PaidSite, running_paid_site
from tests.support.paying import Buyer
from tests.support.people import person
from tests.support.sandbox import Sandbox

COURSE = "full-stack-development"
BUYERS = finishing.THREADS + 2
# Far longer than a page takes, and less than a call may.
SLOW = {"kind": "latency", "ms": 8000, "match": {"method": "POST", "path": "^/v1/orders$"}}


def initialize(paid: PaidSite, token: str, course: str) -> httpx.Response:
    with paid.site.client(token) as client:
        return client.post("/api/v1/enrollments/initialize", json={"course_id": course})


def orders(paid: PaidSite) -> int:
    with psycopg.connect(paid.site.database_url) as connection:
        row = connection.execute("SELECT count(*) FROM orders_order").fetchone()
    assert row is not None
    return int(row[0])


def test_a_slow_gateway_keeps_no_page_waiting() -> None:
    with (
        running_paid_site(workers=1, worker=False) as paid,
        ThreadPoolExecutor(BUYERS) as pool,
        paid.site.client() as guest,
    ):
        somebody, *buyers = paid.tokens(BUYERS + 1)
        paid.sandbox.faults(SLOW)
        asked = [pool.submit(initialize, paid, token, COURSE) for token in buyers]
        wait_until(lambda: orders(paid) == finishing.THREADS)  # each waits for the gateway now
        assert guest.get(f"/courses/{COURSE}/").status_code == HTTPStatus.OK
        free = initialize(paid, somebody, "basic-programming")
        assert free.status_code == HTTPStatus.CREATED
        assert not any(one.done() for one in asked)
        answers = [one.result() for one in asked]
    assert {answer.status_code for answer in answers} == {HTTPStatus.CREATED}
    gateway_orders = {answer.json()["payment_session"]["razorpay_order_id"] for answer in answers}
    assert len(gateway_orders - {None}) == BUYERS


@pytest.mark.django_db
def test_what_was_decided_long_ago_is_decided_anew(sandbox: Sandbox) -> None:
    """Somebody asks again for a checkout of theirs that is paid while they wait."""
    person_id = person().pk
    (begun,) = enroll_many([Request(Application(person_id, COURSE))])
    assert initializing.finish(Request(Application(person_id, COURSE)), begun).status_code == 201
    order = Order.objects.get(person=person_id)
    again = Request(Application(person_id, COURSE))
    (decided,) = enroll_many([again])
    buyer = Buyer(sandbox, person_id, order.lines.get().enrollment_id, order.pk)
    buyer.hand_back(buyer.pay(webhook="never"))

    now = time.monotonic()
    assert finishing._finish(again, decided, now).status_code == 200  # as it was, and is no more
    answer = finishing._finish(again, decided, now - 2 * finishing.FRESH)
    assert (answer.status_code, b"already_enrolled" in answer.content) == (409, True)
    with pytest.raises(Overloaded):
        finishing._finish(again, decided, now - 2 * LONGEST_WAIT)


def test_whoever_would_wait_too_long_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(finishing, "MOST_WAITING", 2)
    go_on = threading.Event()

    def finish() -> Receipt:
        go_on.wait()
        raise NotFound

    async def three() -> None:
        request = Request(Application(ids.new_id()))
        line = Finishing()
        waiting = [asyncio.create_task(line.finish(request, Unfinished(finish))) for _ in range(2)]
        await asyncio.sleep(0)
        with pytest.raises(Overloaded) as refused:
            await line.finish(request, Unfinished(finish))
        assert refused.value.guidance.retry_after == finishing.RETRY_AFTER
        go_on.set()
        answers = await asyncio.gather(*waiting)
        assert [answer.status_code for answer in answers] == [HTTPStatus.NOT_FOUND] * 2
        again = await line.finish(request, Unfinished(finish))
        assert again.status_code == HTTPStatus.NOT_FOUND
        line.close()

    asyncio.run(three())
