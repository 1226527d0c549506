"""Where a webhook may go, and for how long it is tried."""

from __future__ import annotations

import ipaddress
from datetime import UTC, datetime, timedelta

import pytest

from matricula.kernel.errors import ValidationFailed
from matricula.webhooks import rules

PRIVATE = (
    "127.0.0.1",
    "127.8.8.8",
    "0.0.0.0",  # noqa: S104 - not listened on
    "10.0.0.1",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "192.0.2.1",
    "198.18.0.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "fe80::1",
    "fc00::1",
    "ff02::1",
    "2001:db8::1",
    "::ffff:10.0.0.1",
    "::ffff:169.254.169.254",
    "2002:0a00:0001::1",
    "64:ff9b::7f00:1",
    "2001:0:0a00:1::f5ff:fffe",
    "::7f00:1",  # IPv4-compatible, deprecated and still routed by some stacks
    "::93.184.215.14",
    "::ffff:0:7f00:1",  # IPv4-translated
    "fec0::1",  # site-local
    "64:ff9b:1::7f00:1",  # NAT64 of somebody's own network
    "100::1",
    "4000::1",
)


@pytest.mark.parametrize("address", PRIVATE)
def test_nothing_goes_into_a_private_network(address: str) -> None:
    assert not rules.may_reach(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", ["93.184.215.14", "2606:4700::1111", "64:ff9b::5db8:d70e"])
def test_the_public_internet_is_open(address: str) -> None:
    assert rules.may_reach(ipaddress.ip_address(address))


def test_the_operator_may_name_a_network_and_only_that_is_open() -> None:
    named = [ipaddress.ip_network("10.1.0.0/16")]
    assert rules.may_reach(ipaddress.ip_address("10.1.2.3"), named)
    assert rules.may_reach(ipaddress.ip_address("::ffff:10.1.2.3"), named)
    assert not rules.may_reach(ipaddress.ip_address("10.2.2.3"), named)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "example.org",
        "http://example.org/hook",
        "ftp://example.org/",
        "https://",
        "https://user:secret@example.org/",
        "https://example.org/#part",
        "https://example.org:notaport/",
        "https://exa mple.org/",
        "https://10.0.0.1/",
        "https://[::1]/",
        "https://example.org/" + "x" * 500,
        "https://ex\u00e4mple.org/",
    ],
)
def test_an_address_that_cannot_be_an_endpoints_is_refused(url: str) -> None:
    with pytest.raises(ValidationFailed):
        rules.check_url(url)


def test_an_ordinary_address_is_taken() -> None:
    assert rules.check_url(" https://example.org:8443/hook?a=1 ") == (
        "https://example.org:8443/hook?a=1"
    )


def test_it_is_tried_for_three_days_ever_more_patiently() -> None:
    total = sum(rules.PAUSES, timedelta())
    assert timedelta(days=3) <= total <= timedelta(days=4)
    assert list(rules.PAUSES) == sorted(rules.PAUSES)
    assert rules.pause_after(1) == rules.PAUSES[0]
    assert rules.pause_after(len(rules.PAUSES) + 1) is None


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("120", 120),
        (" 7 ", 7),
        ("Tue, 01 Dec 2026 10:02:00 GMT", 120),
        ("Tue, 01 Dec 2026 09:00:00 GMT", 0),  # over already
        ("Tue, 01 Dec 2026 10:02:00", 0),  # in no zone
        ("999999999999", 86_400),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 86_400),
        ("-5", 0),
        ("soon", 0),
        ("", 0),
    ],
)
def test_a_receiver_may_ask_for_a_pause_of_a_day_at_most(header: str, seconds: int) -> None:
    at = datetime(2026, 12, 1, 10, 0, tzinfo=UTC)
    assert rules.asked_pause(header, at) == timedelta(seconds=seconds)
