"""VIES as a client sees it: valid, not valid, and all the ways in which it says nothing."""

from __future__ import annotations

import httpx
import pytest

from matricula.taxids import rules, vies
from matricula.taxids.vies import Answer, ViesSilent
from tests.support.ports import free_pair
from tests.taxids.conftest import BUYER, SELLER
from tests.taxids.register import CONSULTATION, Register


def test_a_valid_id_comes_with_its_proof(register: Register) -> None:
    answer = vies.ask(register.url, BUYER, SELLER)
    assert answer == Answer(True, CONSULTATION, "LIBRAIRIE DU CENTRE", "")
    assert register.asked == [
        {
            "countryCode": "FR",
            "vatNumber": "40303265045",
            "requesterMemberStateCode": "DE",
            "requesterNumber": "136695976",
        }
    ]


def test_without_an_id_of_our_own_there_is_no_proof(register: Register) -> None:
    assert vies.ask(register.url, BUYER).consultation == ""
    assert register.asked == [{"countryCode": "FR", "vatNumber": "40303265045"}]


def test_an_id_it_does_not_know_is_not_valid(register: Register) -> None:
    assert vies.ask(register.url, "FR83404833048", SELLER) == Answer(False, CONSULTATION)


def test_an_id_it_cannot_read_is_not_valid(register: Register) -> None:
    register.broken = ["INVALID_INPUT"]
    assert vies.ask(register.url, BUYER) == Answer(False)


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        ("MS_UNAVAILABLE", "MS_UNAVAILABLE"),
        ("GLOBAL_MAX_CONCURRENT_REQ", "GLOBAL_MAX_CONCURRENT_REQ"),
        ("TIMEOUT", "TIMEOUT"),
        ("INVALID_REQUESTER_INFO", "INVALID_REQUESTER_INFO"),
        ((502, "<html>Bad gateway</html>"), "HTTP 502"),
        ((200, "[]"), "HTTP 200"),
        ((200, "{}"), "HTTP 200"),
        ((200, '{"valid": "yes"}'), "HTTP 200"),
        ((500, '{"valid": true}'), "HTTP 500"),
        ((200, '{"actionSucceed": false}'), "FAILED"),
        ((200, '{"valid": true, "name": "' + "x" * vies.LARGEST + '"}'), "HTTP 200"),
    ],
)
def test_everything_else_says_nothing_about_the_id(
    register: Register, broken: str | tuple[int, str], reason: str
) -> None:
    register.broken = [broken]
    with pytest.raises(ViesSilent, match=reason):
        vies.ask(register.url, BUYER)


def test_no_answer_in_time_says_nothing(
    register: Register, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vies, "TIME_OUT", httpx.Timeout(0.2))
    register.speaks.clear()
    with pytest.raises(ViesSilent, match="ReadTimeout"):
        vies.ask(register.url, BUYER)


def test_no_register_at_all_says_nothing() -> None:
    with pytest.raises(ViesSilent, match="ConnectError"):
        vies.ask(f"http://127.0.0.1:{free_pair()}", BUYER)


def test_greece_is_el() -> None:
    assert rules.standard("GR094259216") == rules.standard("EL094259216") == "EL094259216"
    assert rules.is_of("EL094259216", "GR")
    assert not rules.is_of(BUYER, "DE")
