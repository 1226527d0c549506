"""One request: where it goes, and that it ends."""

from __future__ import annotations

import socket
import threading
from typing import Any

import pytest

from matricula.webhooks import sending
from tests.webhooks.conftest import LOOPBACK
from tests.webhooks.receivers import Receiver, answering, dripping, dropping

PUBLIC = "93.184.215.14"


class Names:
    """The resolver of this test: each look-up takes the next answer, the last one for good."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *answers: list[str]) -> None:
        self.asked = 0
        self._answers = list(answers)
        monkeypatch.setattr(sending, "getaddrinfo", self._look_up)

    def _look_up(self, _host: str, port: int, **_: Any) -> list[Any]:
        self.asked += 1
        found = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in found]


def test_it_arrives_with_its_headers(receiver: Receiver) -> None:
    outcome = sending.post(receiver.url, {"webhook-id": "whk_1"}, b"{}", LOOPBACK)
    assert (outcome.status, outcome.is_success, outcome.error) == (204, True, "")
    assert receiver.calls[0].headers["webhook-id"] == "whk_1"
    assert receiver.calls[0].body == b"{}"


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_this_machine_is_not_reached(receiver: Receiver, host: str) -> None:
    outcome = sending.post(receiver.url.replace("127.0.0.1", host), {}, b"{}")
    assert outcome.status is None
    assert "private network" in outcome.error
    assert receiver.calls == []


def test_a_name_is_looked_up_once_and_the_checked_address_is_used(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the name would answer a moment later."""
    names = Names(monkeypatch, ["127.0.0.1"], ["10.0.0.1"])
    url = receiver.url.replace("127.0.0.1", "receiver.example")
    assert sending.post(url, {}, b"{}", LOOPBACK).is_success
    assert names.asked == 1
    assert receiver.calls[0].headers["host"].startswith("receiver.example:")


def test_a_name_that_changes_to_a_private_address_is_refused_from_then_on(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    Names(monkeypatch, ["127.0.0.1"], ["10.0.0.1"])
    url = receiver.url.replace("127.0.0.1", "receiver.example")
    assert sending.post(url, {}, b"{}", LOOPBACK).is_success
    assert "private network" in sending.post(url, {}, b"{}", LOOPBACK).error
    assert len(receiver.calls) == 1


def test_a_name_with_a_private_address_among_others_is_refused(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    Names(monkeypatch, [PUBLIC, "127.0.0.1"])
    outcome = sending.post(receiver.url.replace("127.0.0.1", "both.example"), {}, b"{}")
    assert "private network" in outcome.error
    assert receiver.calls == []


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(receiver: Receiver, status: int) -> None:
    receiver.behaviours.append(answering(status, Location=f"{receiver.url}/private"))
    outcome = sending.post(receiver.url, {}, b"{}", LOOPBACK)
    assert (outcome.status, outcome.is_success) == (status, False)
    assert "redirects" in outcome.error
    assert len(receiver.calls) == 1


def test_a_receiver_that_drips_is_left_when_the_time_is_over(receiver: Receiver) -> None:
    stop = threading.Event()
    receiver.behaviours.append(dripping(stop))
    outcome = sending.post(receiver.url, {}, b"{}", LOOPBACK, seconds=0.5)
    stop.set()
    assert (outcome.status, outcome.is_success) == (None, False)
    assert "No whole answer" in outcome.error


def test_a_receiver_that_goes_away_is_an_outcome(receiver: Receiver) -> None:
    receiver.behaviours.append(dropping)
    outcome = sending.post(receiver.url, {}, b"{}", LOOPBACK)
    assert (outcome.status, outcome.is_success) == (None, False)
    assert outcome.error


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/", "http://no-such-name.invalid/"])
def test_nobody_there_is_an_outcome(url: str) -> None:
    outcome = sending.post(url, {}, b"{}", LOOPBACK)
    assert outcome.status is None
    assert outcome.error


def test_of_a_long_answer_only_the_beginning_is_kept(receiver: Receiver) -> None:
    receiver.behaviours.append(answering(500, b"\x00" + b"no " * 100_000))
    outcome = sending.post(receiver.url, {}, b"{}", LOOPBACK)
    assert len(outcome.answer) <= sending.LARGEST_ANSWER
    assert "\x00" not in outcome.answer
    assert outcome.error == "It answered 500."
