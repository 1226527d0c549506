"""A receiver of webhooks that a test may make slow, broken or forgetful."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from standardwebhooks import Webhook

# Answers a request with what it likes; has the whole request.
Behaviour = Callable[[BaseHTTPRequestHandler], None]


@dataclass
class Call:
    """One request as it came."""

    headers: dict[str, str]
    body: bytes

    def verified(self, secret: str) -> Any:
        """The payload. Raises when the signature is not by this secret."""
        return Webhook(secret).verify(self.body, self.headers)


@dataclass
class Receiver:
    """Answers with the behaviours in turn, then with 204."""

    url: str
    calls: list[Call] = field(default_factory=list)
    behaviours: list[Behaviour] = field(default_factory=list)


def answering(status: int, body: bytes = b"", **headers: str) -> Behaviour:
    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(status)
        for name, value in headers.items():
            request.send_header(name.replace("_", "-"), value)
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body)

    return answer


def dripping(stop: threading.Event) -> Behaviour:
    """Begins an answer and never ends it: a byte now and then, so that no single read is slow."""

    def answer(request: BaseHTTPRequestHandler) -> None:
        while not stop.wait(0.05):
            request.wfile.write(b"H")
            request.wfile.flush()

    return answer


def dropping(request: BaseHTTPRequestHandler) -> None:
    """Takes the request, and goes away without an answer."""
    request.close_connection = True


@contextmanager
def running_receiver() -> Iterator[Receiver]:
    receiver = Receiver("")

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            receiver.calls.append(Call(headers, body))
            behave = receiver.behaviours.pop(0) if receiver.behaviours else answering(204)
            try:
                behave(self)
            except OSError:
                self.close_connection = True  # the sender has gone

        def log_message(self, *_: object) -> None:
            """Says nothing: the last words of a run belong to pytest."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    receiver.url = f"http://127.0.0.1:{server.server_address[1]}/hook"
    thread = threading.Thread(target=server.serve_forever, args=[0.05])
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
