"""When to try again, and which addresses can be an endpoint's. Pure."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

from matricula.kernel.errors import FieldError, Guidance, ValidationFailed

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

# Three days in all, as Standard Webhooks recommends.
PAUSES = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=14),
    timedelta(hours=20),
    timedelta(hours=24),
)
LONGEST_URL = 500
LONGEST_ASKED = timedelta(days=1)
OVERLAP = timedelta(hours=24)  # in which the former secret signs too
KEPT_FOR = timedelta(days=30)
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
# All of IPv6 that is routed on the internet (RFC 4291, section 2.4; IANA). Outside it
# lie site-local, IPv4-compatible and IPv4-translated addresses, which lead into private networks.
_GLOBAL_UNICAST = ipaddress.IPv6Network("2000::/3")


def pause_after(tries: int) -> timedelta | None:
    """How long to wait after so many tries that failed; None: no longer."""
    return PAUSES[tries - 1] if tries <= len(PAUSES) else None


def asked_pause(retry_after: str, at: datetime) -> timedelta:
    """How long a receiver asks us to wait by its `Retry-After` header, in seconds or as a date (RFC
    9110, section 10.2.3), a day at most; nothing where it asks for nothing we can read."""
    text = retry_after.strip()
    if text.isascii() and text.isdigit():
        return min(timedelta(seconds=int(text[:9])), LONGEST_ASKED)
    try:
        until = parsedate_to_datetime(text)
        asked = until - at
    except (ValueError, TypeError):  # no date, or one without a zone
        return timedelta()
    return min(max(asked, timedelta()), LONGEST_ASKED)


def check_url(url: str, networks: Sequence[Network] = ()) -> str:
    """The address of an endpoint. Only its form is checked here: whose it is, is looked up anew at
    each try. Raises ValidationFailed."""
    try:
        parts = urlsplit(url.strip())
        host, _port = parts.hostname or "", parts.port
    except ValueError:
        raise _wrong("This is not an address.") from None
    if len(url) > LONGEST_URL or not url.isascii() or not host or " " in url.strip():
        raise _wrong("This is not an address.")
    if parts.username or parts.password or parts.fragment:
        raise _wrong("Leave out name, password and fragment.")
    allowed = {"https", "http"} if networks else {"https"}
    if parts.scheme not in allowed:
        raise _wrong("It has to begin with https://.")
    try:
        literal = ipaddress.ip_address(host)
    except ValueError:
        return url.strip()
    if not may_reach(literal, networks):
        raise _wrong("It is in a private network.")
    return url.strip()


def may_reach(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address, networks: Sequence[Network] = ()
) -> bool:
    """Whether a request may go there: to the public internet, or to a network that the operator
    named. An address inside another one (mapped, 6to4, Teredo, NAT64) counts as what it leads to.
    """
    if any(address.version == network.version and address in network for network in networks):
        return True
    inner = _inside(address)
    if inner is not None:
        return may_reach(inner, networks)
    if isinstance(address, ipaddress.IPv6Address) and address not in _GLOBAL_UNICAST:
        return False
    return address.is_global and not address.is_multicast


def _inside(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> ipaddress.IPv4Address | None:
    if isinstance(address, ipaddress.IPv4Address):
        return None
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address.teredo is not None:
        return address.teredo[1]
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return None


def _wrong(message: str) -> ValidationFailed:
    return ValidationFailed(guidance=Guidance(errors=[FieldError("url", message)]))
