"""How many may be open at once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import httpx
import pytest
from websockets.exceptions import InvalidStatus

from matricula.edges.live.connections import MOST_OF_A_PERSON
from tests.live.test_transports import stream
from tests.support.crowds import wait_until
from tests.support.live import LiveSite, hear, running_live_site, say


@pytest.fixture(scope="module")
def limited() -> Iterator[LiveSite]:
    with running_live_site(MATRICULA_LIMITS="default") as live:
        yield live


def test_a_person_may_have_only_so_many_streams_and_sockets(limited: LiveSite) -> None:
    token = limited.token()
    enrollment = limited.enrollment(token)
    url = f"{limited.site.url}/api/v1/enrollments/{enrollment}/events"
    headers = {"Authorization": f"Bearer {token}"}
    bodies: list[Iterator[bytes]] = []  # kept: httpx closes an answer that nobody reads
    with ExitStack() as stack:
        for _ in range(MOST_OF_A_PERSON):
            answer = stack.enter_context(httpx.stream("GET", url, headers=headers, timeout=60))
            assert answer.status_code == 200
            bodies.append(answer.iter_raw())
            next(bodies[-1])
        refused = stack.enter_context(httpx.stream("GET", url, headers=headers, timeout=60))
        assert refused.status_code == 429
        assert int(refused.headers["Retry-After"]) > 0
        refused.read()
        assert refused.json()["code"] == "rate_limited"
        with pytest.raises(InvalidStatus) as socket:
            limited.socket(additional_headers=headers)
        assert socket.value.response.status_code == 429

    # Closed ones are counted out as soon as their end is seen.
    wait_until(lambda: stream(limited, token, enrollment).answered_with() == 200)


def test_another_person_is_not_in_the_way(limited: LiveSite) -> None:
    token = limited.token()
    with limited.socket() as socket:
        say(socket, type="authenticate", token=token)
        assert hear(socket) == {"type": "authenticated"}
