"""Thousands of server-sent event streams in one process, as cheap as can be, and news for them.

Run as `python -m bench.watching PORT TOKENS ENROLLMENTS DATABASE_URL COUNT`. Commands come as lines
of JSON on standard input and are answered by one line each: `{"open": n}` has n streams open;
`{"news": rate, "seconds": s}` appends so many events a second to the log of enrollments drawn at
random, and times each from just before its commit until its stream has it.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
import threading
import time
from pathlib import Path
from typing import Any

import psycopg

from bench.load import quantile
from matricula.kernel import ids

AT_ONCE = 50  # streams opened side by side
OPEN_SECONDS = 600.0
LATE_SECONDS = 15.0  # after which news count as missing
_HEAD = (
    "GET /api/v1/enrollments/{enrollment}/events HTTP/1.1\r\n"
    "Host: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n\r\n"
)
_APPEND = (
    "SELECT append_events(ARRAY['payment.processing'], ARRAY[%(subject)s::uuid],"
    " ARRAY[NULL::uuid], ARRAY[NULL::uuid], ARRAY['bench'], ARRAY['{}'::jsonb])"
)
_NEWEST = "SELECT max(subject_seq) FROM kernel_event WHERE subject = %(subject)s"
_LOCK = "SELECT 1 FROM enrollments_enrollment WHERE id = %(subject)s FOR NO KEY UPDATE"


class Stream(asyncio.Protocol):
    """One stream: it notes the number of each event and when it came."""

    __slots__ = ("_came", "_first", "_index", "_tail")

    def __init__(self, index: int, first: asyncio.Future[None], came: dict[Any, float]) -> None:
        self._index = index
        self._first: asyncio.Future[None] | None = first
        self._came = came
        self._tail = b""

    def data_received(self, data: bytes) -> None:
        now = time.perf_counter()
        text = self._tail + data
        lines = text.split(b"\n")
        self._tail = lines.pop()[-64:]
        for line in lines:
            if line.startswith(b"id: "):
                self._came[self._index, int(line[4:])] = now
                if self._first is not None and not self._first.done():
                    self._first.set_result(None)
                self._first = None
        if self._first is not None and text.startswith(b"HTTP/1.1") and text[9:12] != b"200":
            self._first.set_exception(RuntimeError(text[:300].decode(errors="replace")))
            self._first = None

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        if self._first is not None and not self._first.done():
            self._first.set_exception(RuntimeError("a stream was closed"))


class Watching:
    def __init__(self, port: int, tokens: list[str], enrollments: list[str], url: str) -> None:
        self._port = port
        self._tokens = tokens
        self._enrollments = enrollments
        self._url = url
        self._came: dict[Any, float] = {}
        self._open: list[asyncio.Transport] = []

    async def open(self, count: int) -> dict[str, Any]:
        gate = asyncio.Semaphore(AT_ONCE)

        async def one(index: int) -> None:
            async with gate:
                loop = asyncio.get_running_loop()
                first: asyncio.Future[None] = loop.create_future()
                transport, _ = await loop.create_connection(
                    lambda: Stream(index, first, self._came), "127.0.0.1", self._port
                )
                head = _HEAD.format(enrollment=self._enrollments[index], token=self._tokens[index])
                transport.write(head.encode())
                self._open.append(transport)
                await first

        async with asyncio.timeout(OPEN_SECONDS):
            await asyncio.gather(*(one(index) for index in range(len(self._open), count)))
        return {"opened": len(self._open)}

    async def news(self, rate: float, seconds: float) -> dict[str, Any]:
        sent: dict[Any, float] = {}
        await asyncio.to_thread(self._append, sent, rate, seconds)
        deadline = time.perf_counter() + LATE_SECONDS
        # Streams note what comes, and signal nothing.
        while time.perf_counter() < deadline and not sent.keys() <= self._came.keys():  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        took = sorted(self._came[key] - at for key, at in sent.items() if key in self._came)
        return {
            "sent": len(sent),
            "missing": len(sent) - len(took),
            "p50_ms": quantile(took, 0.5),
            "p99_ms": quantile(took, 0.99),
            "longest_ms": quantile(took, 1.0),
        }

    def _append(self, sent: dict[Any, float], rate: float, seconds: float) -> None:
        dice = random.Random(1)
        subjects = [ids.from_text("enr", one) for one in self._enrollments[: len(self._open)]]
        due = began = time.perf_counter()
        with psycopg.connect(self._url) as connection:
            while due < began + seconds:
                time.sleep(max(0.0, due - time.perf_counter()))
                index = dice.randrange(len(subjects))
                about = {"subject": subjects[index]}
                connection.execute(_LOCK, about)
                connection.execute(_APPEND, about)
                (number,) = connection.execute(_NEWEST, about).fetchone() or (0,)
                sent[index, number] = time.perf_counter()
                connection.commit()
                due += dice.expovariate(rate)


async def _serve(watching: Watching) -> None:
    commands: asyncio.Queue[str] = asyncio.Queue()
    loop = asyncio.get_running_loop()

    def read() -> None:
        for line in sys.stdin:
            loop.call_soon_threadsafe(commands.put_nowait, line)

    threading.Thread(target=read, daemon=True).start()
    while True:
        command = json.loads(await commands.get())
        try:
            if "open" in command:
                answer = await watching.open(int(command["open"]))
            else:
                answer = await watching.news(command["news"], command["seconds"])
        except (OSError, RuntimeError, TimeoutError, psycopg.Error) as error:
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), flush=True)


def main() -> None:
    port, tokens, enrollments, url, count = sys.argv[1:]
    most = int(count)
    watching = Watching(
        int(port),
        Path(tokens).read_text().split()[:most],
        Path(enrollments).read_text().split()[:most],
        url,
    )
    asyncio.run(_serve(watching))


if __name__ == "__main__":
    main()
