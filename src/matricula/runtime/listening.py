"""The web processes' listening sockets, and the question whether they answer on them.

Each process has a socket of its own on the one port, and the kernel gives each as many of the new
connections (SO_REUSEPORT, socket(7)). Where all wait at one socket, whoever wakes first takes a
whole burst, and keeps it as long as its connections last.
"""

from __future__ import annotations

import errno
import http.client
import socket
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

from matricula.config.reading import SettingError

BACKLOG = 4096  # connections the kernel may queue; it caps this at its own limit
# A peer that takes nothing of what was sent to it for so long is gone: streams send heartbeats.
SILENT_PEER_SECONDS = 60
_WILDCARDS = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  # the operator's choice
_SERVER_ERROR = 500
_OWN_ADDRESS = "set it to an address of this machine, like 127.0.0.1"


@contextmanager
def reserved(bind: str, port: int, shares: int) -> Iterator[list[socket.socket]]:
    """Sockets bound to `bind`:`port`, not listening yet: `shares` of them, or one where the kernel
    would not spread connections over several.

    Raises SettingError, naming PORT or BIND, when it cannot be had.
    """
    # Shares are let in beside any other program's: so it is asked first by one that is not.
    check_port(bind, port)
    count = shares if sys.platform == "linux" else 1
    with ExitStack() as stack:
        first = stack.enter_context(_bound(bind, port, is_share=count > 1))
        # A name may stand for several addresses, and port 0 for any: the others take what it got.
        address, taken = first.getsockname()[:2]
        others = [
            stack.enter_context(_bound(address, taken, is_share=True)) for _ in range(count - 1)
        ]
        yield [first, *others]


def check_port(bind: str, port: int) -> None:
    """Raises SettingError, naming PORT or BIND, when nothing could listen there now."""
    _bound(bind, port, is_share=False).close()


def _bound(bind: str, port: int, *, is_share: bool) -> socket.socket:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            bind, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except socket.gaierror as error:
        raise SettingError("BIND", f"is {bind!r}, which names no address", _OWN_ADDRESS) from error
    listener = socket.socket(family, kind, protocol)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if is_share:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    if hasattr(socket, "TCP_USER_TIMEOUT"):  # Linux; its connections inherit it
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, SILENT_PEER_SECONDS * 1000)
    try:
        listener.bind(address)
    except OSError as error:
        listener.close()
        raise _refusal(error, bind, port) from error
    return listener


def listen(listeners: Sequence[socket.socket]) -> None:
    """Opens the port; again does no harm.

    Raises SettingError when another program opened it first.
    """
    if all(_is_open(listener) for listener in listeners):
        return
    bind, port = listeners[0].getsockname()[:2]
    check_port(bind, port)
    for listener in listeners:
        try:
            listener.listen(BACKLOG)
        except OSError as error:
            raise _refusal(error, bind, port) from error


def _is_open(listener: socket.socket) -> bool:
    return listener.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN) == 1


def answers(bind: str, port: int, host: str, path: str = "/healthz") -> bool:
    """Whether the site, asked under the name `host`, answers at `path`."""
    connection = http.client.HTTPConnection(_WILDCARDS.get(bind, bind), port, timeout=2)
    try:
        connection.request("GET", path, headers={"Host": host})
        return connection.getresponse().status < _SERVER_ERROR
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _refusal(error: OSError, bind: str, port: int) -> SettingError:
    if error.errno == errno.EADDRNOTAVAIL:
        return SettingError("BIND", f"is {bind}, not an address of this machine", _OWN_ADDRESS)
    if error.errno == errno.EADDRINUSE:
        return SettingError(
            "PORT",
            f"is {port}, which another program on {bind} uses already",
            "stop that program, or set PORT to a free port",
        )
    if error.errno == errno.EACCES:
        return SettingError("PORT", f"is {port}, which only root may open", "set it above 1023")
    return SettingError(
        "PORT", f"is {port}, which cannot be opened ({error.strerror})", "set it to a free port"
    )
