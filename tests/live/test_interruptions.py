"""Nothing is missed and nothing comes twice, whatever breaks in between."""

from __future__ import annotations

import json
import os
import signal
import socket as sockets
from collections.abc import Iterator
from urllib.parse import urlsplit

import psycopg
import pytest

from tests.live.test_transports import poll, stream
from tests.support.crowds import wait_until
from tests.support.live import LiveSite, close_code, hear, running_live_site, say

_LISTENERS = "SELECT pid FROM pg_stat_activity WHERE application_name = 'matricula-listen'"


@pytest.fixture
def own() -> Iterator[LiveSite]:
    """A site of this test's own, with its worker."""
    with running_live_site() as live:
        yield live


def listeners(live: LiveSite) -> set[int]:
    here = " AND datname = current_database()"
    with psycopg.connect(live.site.database_url) as connection:
        return {row[0] for row in connection.execute(_LISTENERS + here)}


def web_process(live: LiveSite) -> int:
    """The one web process of the site; its supervisor starts another when it dies."""
    children = f"/proc/{live.site.web.pid}/task/{live.site.web.pid}/children"
    with open(children) as file:  # noqa: PTH123 - not a file of a folder
        (pid,) = file.read().split()
    return int(pid)


def test_news_arrive_after_the_listening_connection_was_killed(own: LiveSite) -> None:
    token = own.token()
    enrollment = own.enrollment(token)
    follower = stream(own, token, enrollment)
    follower.wait_for(1)
    (killed,) = listeners(own)
    own.run("SELECT pg_terminate_backend(%s)", killed)
    own.happen(enrollment, "payment.processing")
    wait_until(lambda: listeners(own) not in ({killed}, set()))
    own.happen(enrollment, "payment.failed")
    wait_until(lambda: follower.told == own.log(enrollment))


def test_news_arrive_by_the_slow_poll_while_no_worker_runs(own: LiveSite) -> None:
    own.stop_worker()
    token = own.token()
    enrollment = own.enrollment(token)
    follower = stream(own, token, enrollment)
    follower.wait_for(1)
    own.happen(enrollment, "payment.processing")
    own.happen(enrollment, "payment.failed")
    wait_until(lambda: follower.told == own.log(enrollment))


def test_after_a_restart_in_the_middle_each_event_has_come_once(own: LiveSite) -> None:
    token = own.token()
    enrollment = own.enrollment(token)
    first = stream(own, token, enrollment)
    first.wait_for(1)
    own.happen(enrollment, "payment.processing")
    os.kill(web_process(own), signal.SIGKILL)
    own.happen(enrollment, "payment.failed")
    first.wait_for_end()

    told = list(first.told)
    last = str(told[-1][0])
    wait_until(
        lambda: stream(own, token, enrollment, **{"Last-Event-ID": last}).answered_with() == 200
    )
    second = stream(own, token, enrollment, **{"Last-Event-ID": last})
    own.happen(enrollment, "payment.processing")
    wait_until(lambda: told + second.told == own.log(enrollment))
    own.cancel(token, enrollment)
    second.wait_for_end()
    assert told + second.told == own.log(enrollment)


def test_a_site_that_is_asked_to_stop_says_goodbye_to_all(own: LiveSite) -> None:
    token = own.token()
    enrollment = own.enrollment(token)
    follower = stream(own, token, enrollment)
    follower.wait_for(1)
    last = own.log(enrollment)[-1][0]
    waiting = Poller(own, token, enrollment, last)
    with own.socket(additional_headers={"Authorization": f"Bearer {token}"}) as socket:
        say(socket, type="subscribe", enrollment_id=enrollment, last_event_id=last)
        assert hear(socket)["type"] == "subscribed"
        waiting.wait_until_open()
        own.site.web.send_signal(signal.SIGTERM)
        assert close_code(socket) == 1012
    follower.wait_for_end()
    assert waiting.status() == 204
    assert own.site.web.wait(30) == 0
    assert follower.lines[-2].startswith("retry: ")  # the hint, and the answer's regular end
    assert not any(line.startswith("!") for line in follower.lines)


def test_a_client_that_does_not_read_is_dropped_and_can_resume(own: LiveSite) -> None:
    token = own.token()
    enrollment = own.enrollment(token)
    address = urlsplit(own.site.url)
    bulky = json.dumps({"note": "x" * 1000})
    with sockets.socket() as lazy:
        lazy.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, 2048)
        lazy.connect((address.hostname, address.port))
        lazy.sendall(
            f"GET /api/v1/enrollments/{enrollment}/events HTTP/1.1\r\nHost: 127.0.0.1\r\n"
            f"Authorization: Bearer {token}\r\n\r\n".encode()
        )
        assert lazy.recv(12) == b"HTTP/1.1 200"
        for _ in range(80):
            own.happen(enrollment, *["payment.processing"] * 400, data=bulky)
            if dropped(own):
                break
        wait_until(lambda: dropped(own) == 1)
    log = own.log(enrollment)
    last = log[-100][0]
    again = stream(own, token, enrollment, **{"Last-Event-ID": str(last)})
    wait_until(lambda: again.told == log[-99:])


def dropped(live: LiveSite) -> float:
    """How many clients the site has given up."""
    return metric(live, 'matricula_live_dropped_total{transport="sse"}')


def metric(live: LiveSite, name: str) -> float:
    with live.site.client("metrics-token-of-the-tests") as client:
        lines = client.get("/metrics").text.splitlines()
    return sum(float(line.split()[-1]) for line in lines if line.startswith(name))


class Poller:
    """A poll that waits, in a thread."""

    def __init__(self, live: LiveSite, token: str, enrollment: str, after: int) -> None:
        from concurrent.futures import ThreadPoolExecutor

        self._live = live
        pool = ThreadPoolExecutor(1)
        self._answer = pool.submit(poll, live, token, enrollment, after, 60)
        pool.shutdown(wait=False)

    def wait_until_open(self) -> None:
        name = 'matricula_live_connections{transport="poll"}'
        wait_until(lambda: metric(self._live, name) == 1)

    def status(self) -> int:
        return int(self._answer.result().status_code)
