"""The one port of several web processes."""

from __future__ import annotations

import itertools
import socket
import sys
from contextlib import ExitStack
from typing import Any

import pytest

from matricula.config.reading import SettingError
from matricula.runtime import listening
from tests.support.ports import free_pair

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere one socket serves all")
HOST = "127.0.0.1"


def test_each_process_gets_its_share_of_the_connections() -> None:
    with listening.reserved(HOST, free_pair(), 2) as listeners, ExitStack() as stack:
        listening.listen(listeners)
        port = listeners[0].getsockname()[1]
        for _ in range(200):
            stack.enter_context(socket.create_connection((HOST, port), timeout=5))
        counts = [taken(listener) for listener in listeners]
    assert sum(counts) == 200
    assert min(counts) > 50  # by chance: never


def test_one_socket_alone_takes_all() -> None:
    with listening.reserved(HOST, free_pair(), 1) as listeners:
        assert len(listeners) == 1


def test_all_listen_at_the_same_address_also_of_a_name_that_has_two(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    resolve, addresses = socket.getaddrinfo, itertools.cycle(["127.0.0.1", "127.0.0.2"])

    def in_turn(host: str, *rest: Any, **options: Any) -> Any:
        return resolve(next(addresses) if host == "site" else host, *rest, **options)

    monkeypatch.setattr(socket, "getaddrinfo", in_turn)
    with listening.reserved("site", free_pair(), 4) as listeners:
        assert len({listener.getsockname() for listener in listeners}) == 1


def test_a_port_that_another_installation_shares_among_its_own_is_taken() -> None:
    port = free_pair()
    with listening.reserved(HOST, port, 2) as listeners:
        listening.listen(listeners)
        with pytest.raises(SettingError, match="PORT"), listening.reserved(HOST, port, 2):
            pass


def test_of_two_that_start_together_the_second_to_open_the_port_is_told() -> None:
    port = free_pair()
    with listening.reserved(HOST, port, 2) as ours, listening.reserved(HOST, port, 2) as theirs:
        listening.listen(ours)
        with pytest.raises(SettingError, match="PORT"):
            listening.listen(theirs)
        listening.listen(ours)  # again does no harm


def taken(listener: socket.socket) -> int:
    """How many connections wait at the socket; they are closed."""
    listener.setblocking(False)
    count = 0
    while True:
        try:
            listener.accept()[0].close()
        except BlockingIOError:
            return count
        count += 1
