"""A register of VAT ids that answers as VIES does, over real HTTP."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

CONSULTATION = "WAPIAAAAZx1yTQ9c"


@dataclass
class Register:
    """Says of each id what it is told to, by number; of others that they are not valid. `broken`
    replaces the next answers: a VIES error code, or a status with a body that is no JSON. While
    `silent` is not set it says nothing at all."""

    url: str = ""
    valid: dict[str, str] = field(default_factory=dict)
    broken: list[str | tuple[int, str]] = field(default_factory=list)
    asked: list[dict[str, Any]] = field(default_factory=list)
    speaks: threading.Event = field(default_factory=threading.Event)

    def answer(self, body: dict[str, Any]) -> tuple[int, str]:
        self.asked.append(body)
        if self.broken:
            broken = self.broken.pop(0)
            if isinstance(broken, tuple):
                return broken
            return 200, json.dumps({"actionSucceed": False, "errorWrappers": [{"error": broken}]})
        number = body["countryCode"] + body["vatNumber"]
        has_proof = "requesterNumber" in body
        return 200, json.dumps(
            {
                "countryCode": body["countryCode"],
                "vatNumber": body["vatNumber"],
                "requestDate": "2026-11-25T10:00:00.000Z",
                "valid": number in self.valid,
                "requestIdentifier": CONSULTATION if has_proof else "",
                "name": self.valid.get(number, "---"),
                "address": "---",
            }
        )


@contextmanager
def running_register() -> Iterator[Register]:
    register = Register()
    register.speaks.set()

    class Answering(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            assert self.path == "/rest-api/check-vat-number"
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            register.speaks.wait(30)
            status, text = register.answer(body)
            content = text.encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - as the base names it
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answering)
    server.daemon_threads = True
    register.url = f"http://127.0.0.1:{server.server_port}/rest-api"
    thread = threading.Thread(target=server.serve_forever, args=[0.05])
    thread.start()
    try:
        yield register
    finally:
        register.speaks.set()
        server.shutdown()
        thread.join()
        server.server_close()
