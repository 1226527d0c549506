"""A mail server that takes everything and keeps nothing but names.

Run as `python -m bench.sink PORT`. At the end of standard input it says, as one line of JSON, how
many mails came and how many different Message-IDs they had.
"""

from __future__ import annotations

import json
import re
import sys

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

_MESSAGE_ID = re.compile(rb"^Message-ID: *(\S+)", re.IGNORECASE | re.MULTILINE)


class Sink:
    """What came."""

    def __init__(self) -> None:
        self.count = 0
        self.names: set[bytes] = set()

    async def handle_DATA(  # noqa: N802 - aiosmtpd's name
        self,
        server: SMTP,  # noqa: ARG002
        session: Session,  # noqa: ARG002
        envelope: Envelope,
    ) -> str:
        content = envelope.content
        assert isinstance(content, bytes)
        found = _MESSAGE_ID.search(content)
        self.count += 1
        self.names.add(found.group(1) if found else b"")
        return "250 taken"


def main() -> None:
    sink = Sink()
    controller = Controller(sink, hostname="127.0.0.1", port=int(sys.argv[1]))
    controller.start()
    sys.stdin.read()
    controller.stop()
    print(json.dumps({"mails": sink.count, "names": len(sink.names)}))


if __name__ == "__main__":
    main()
