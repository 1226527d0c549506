"""One request to an endpoint, and where it may go.

The name is looked up here, every address it has is checked, and the connection is made to one of
those checked, so that a name that changes between looking and connecting leads nowhere else. A
redirect is an answer like any other, and is not followed. All of it ends within `SECONDS`, however
slowly the receiver speaks.
"""

from __future__ import annotations

import ipaddress
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from socket import SOCK_STREAM, getaddrinfo
from ssl import SSLContext
from typing import Any

import httpcore

from matricula.webhooks.rules import Network, may_reach

SECONDS = 15.0
LARGEST_ANSWER = 1_000  # bytes that are read and kept
_SUCCESS = range(200, 300)
_REDIRECT = range(300, 400)
_ASKED = b"retry-after"


@dataclass(frozen=True)
class Outcome:
    """What became of a try. `status` is None when there was no answer."""

    status: int | None
    error: str
    answer: str
    milliseconds: int
    retry_after: str = ""  # the header of this name

    @property
    def is_success(self) -> bool:
        return self.status in _SUCCESS


def post(
    url: str,
    headers: Mapping[str, str],
    body: bytes,
    networks: Sequence[Network] = (),
    seconds: float = SECONDS,
) -> Outcome:
    """Sends it once. Never raises for what the network or the receiver does."""
    began = time.monotonic()
    status, error, answer, retry_after = None, "", b"", ""
    try:
        backend = _Backend(networks, began + seconds)
        status, answer, retry_after = _request(url, headers, body, backend)
        if status in _REDIRECT:
            error = "It redirects: give the address that it leads to."
        elif status not in _SUCCESS:
            error = f"It answered {status}."
    except _Refused as refused:
        error = str(refused)
    except httpcore.TimeoutException:
        error = f"No whole answer within {seconds:g} seconds."
    except (httpcore.NetworkError, httpcore.ProtocolError, OSError) as failed:
        error = f"{type(failed).__name__}: {failed}"
    spent = round((time.monotonic() - began) * 1000)
    words = answer.decode("utf-8", "replace").replace("\x00", "")
    return Outcome(status, error[:200], words, spent, retry_after)


def _request(
    url: str, headers: Mapping[str, str], body: bytes, backend: httpcore.NetworkBackend
) -> tuple[int, bytes, str]:
    with (
        httpcore.ConnectionPool(network_backend=backend, keepalive_expiry=0) as pool,
        pool.stream("POST", url, headers=list(headers.items()), content=body) as response,
    ):
        answer = b""
        for chunk in response.iter_stream():
            answer += chunk
            if len(answer) >= LARGEST_ANSWER:
                break
        asked = next((value for name, value in response.headers if name.lower() == _ASKED), b"")
        return response.status, answer[:LARGEST_ANSWER], asked.decode("latin-1")


class _Refused(Exception):
    """The address is none that a request may go to."""


class _Backend(httpcore.NetworkBackend):
    """Connects to checked addresses only, and gives every step what is left of the time."""

    def __init__(self, networks: Sequence[Network], deadline: float) -> None:
        self._networks = networks
        self._deadline = deadline
        self._plain = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ARG002 - the deadline stands for it
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        last: Exception = httpcore.ConnectError("The name has no address.")
        for address in self._addresses(host, port):
            try:
                stream = self._plain.connect_tcp(
                    address, port, _left(self._deadline), local_address, socket_options
                )
            except httpcore.ConnectError as error:
                last = error
                continue
            return _Stream(stream, self._deadline)
        raise last

    def _addresses(self, host: str, port: int) -> list[str]:
        """All addresses of the host. Raises _Refused when one of them is private: a name that has
        both means no good."""
        try:
            found = getaddrinfo(host, port, type=SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise httpcore.ConnectError("The name is not known.") from error
        addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
        for address in addresses:
            if not may_reach(ipaddress.ip_address(address.partition("%")[0]), self._networks):
                raise _Refused("Its address is in a private network.")
        return addresses


class _Stream(httpcore.NetworkStream):
    """A connection that ends at its deadline, however little comes at a time."""

    def __init__(self, stream: httpcore.NetworkStream, deadline: float) -> None:
        self._stream = stream
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002
        return self._stream.read(max_bytes, _left(self._deadline))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002
        self._stream.write(buffer, _left(self._deadline))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self,
        ssl_context: SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ARG002
    ) -> httpcore.NetworkStream:
        secured = self._stream.start_tls(ssl_context, server_hostname, _left(self._deadline))
        return _Stream(secured, self._deadline)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


def _left(deadline: float) -> float:
    """The seconds that are left. Raises httpcore's TimeoutException when none are."""
    left = deadline - time.monotonic()
    if left <= 0:
        raise httpcore.ReadTimeout
    return left
