"""A load generator: HTTP/1.1 over plain sockets, in one process of its own.

It sends prepared requests, reads every answer to its end, and counts what came back. Run as
`python -m bench.load` it takes an `Order` as JSON on standard input and prints an `Outcome`.

Two ways to load. Closed: each connection sends its next request when the last one is answered;
this finds the top rate. Open: requests start at random moments of a given rate, whatever the
server does, and wait for a free connection if they must; their time counts from the moment they
were due, so a stalled server cannot hide behind requests that were never sent.
"""

from __future__ import annotations

import json
import random
import re
import select
import socket
import sys
import time
from collections import Counter, deque
from dataclasses import asdict, dataclass, field
from pathlib import Path

CHUNK = 262_144
DRAIN_SECONDS = 20.0
_GAP = re.compile(r"(\{(?:token|key|place|body)\})")
_END_OF_HEAD = b"\r\n\r\n"
_LENGTH = b"content-length:"


@dataclass(frozen=True)
class Order:
    """What to send: `request` with {token}, {key}, {place} and {body} filled in for each request.

    Request n is of person n modulo the number of tokens; `places` are taken by the rule in `place`.
    Without a tokens file every request is the same; `paired`, each person has the place of the
    same number, and the body. `rate` is in requests a second; None: closed. No more than `most` are
    sent. `noted` keeps what became of each request.
    """

    port: int
    request: str
    seconds: float
    connections: int = 64
    warm_up: float = 1.0
    rate: float | None = None
    tokens: str | None = None
    places: tuple[str, ...] = ("",)
    stride: int = 0
    first_place: int = 0
    paired: bool = False
    bodies: tuple[str, ...] = ()
    most: int | None = None
    noted: bool = False
    key: str = "bench"
    seed: int = 1


@dataclass
class Outcome:
    """What came back. `answers` counts every answer by status; `per_second` those after warm-up;
    `seconds` passed until the last."""

    answers: dict[str, int] = field(default_factory=dict)
    broken: int = 0
    per_second: float = 0.0
    p50_ms: float = 0.0
    p90_ms: float = 0.0
    p99_ms: float = 0.0
    longest_ms: float = 0.0
    loader_cpu: float = 0.0
    seconds: float = 0.0
    unexpected: str = ""
    # Of each request, in the order they were sent: when it was due and when it was answered, in
    # seconds since the start, and its status.
    noted: list[tuple[float, float, str]] = field(default_factory=list)


def place(number: int, people: int, stride: int, first: int, places: int) -> int:
    """Which place request `number` asks for; no person asks for one place twice.

    Stride 0 keeps everybody at one place, stride 1 spreads them; each lap over the people moves on.
    pgbench follows the same rule (sql/claim.sql).
    """
    lap, person = divmod(number, people)
    return (person * stride + lap + first) % places


class _Requests:
    """Makes the bytes of request after request."""

    def __init__(self, order: Order) -> None:
        self._order = order
        self._tokens = Path(order.tokens).read_text().split() if order.tokens else []
        self.made = 0
        head, _, body = order.request.partition("\n\n")
        # Cut up once: the loader must be far quicker than what it measures.
        self._head = _GAP.split("\r\n".join(head.split("\n")))
        self._body = _GAP.split(body)
        self._length = "\r\nContent-Length: {}\r\n\r\n" if body else "\r\n\r\n"

    def __call__(self) -> bytes:
        values = self._values(self.made)
        self.made += 1
        body = "".join([values.get(part, part) for part in self._body])
        head = "".join([values.get(part, part) for part in self._head])
        return (head + self._length.format(len(body)) + body).encode()

    def _values(self, number: int) -> dict[str, str]:
        order, people = self._order, len(self._tokens)
        if not people:
            return {}
        if order.paired:
            index = number % people
        else:
            index = place(number, people, order.stride, order.first_place, len(order.places))
        return {
            "{token}": self._tokens[number % people],
            "{key}": f"{order.key}-{number:09d}",
            "{place}": order.places[index],
            "{body}": order.bodies[index] if order.bodies else "",
        }


class _Connection:
    """One kept-alive connection; at most one request under way."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=30)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.began = 0.0
        self.number = 0
        self.busy = False
        self.received = b""

    def send(self, request: bytes, began: float, number: int) -> None:
        self.began, self.number, self.busy, self.received = began, number, True, b""
        self.socket.sendall(request)

    def receive(self) -> bytes | None:
        """The whole answer once it is there, else None. Raises ConnectionError at its end."""
        part = self.socket.recv(CHUNK)
        if not part:
            raise ConnectionResetError
        self.received = self.received + part if self.received else part
        end = self.received.find(_END_OF_HEAD)
        if end < 0:
            return None
        head = self.received[:end].lower()
        at = head.find(_LENGTH)
        if at >= 0:
            length = int(head[at + len(_LENGTH) :].split(b"\r\n", 1)[0])
            done = len(self.received) >= end + 4 + length
        else:
            done = head[9:12] in {b"204", b"304"} or self.received.endswith(b"0\r\n\r\n")
        if not done:
            return None
        self.busy = False
        return self.received


class _Load:
    def __init__(self, order: Order) -> None:
        self._order = order
        self._requests = _Requests(order)
        self._poller = select.epoll()
        self._open: dict[int, _Connection] = {}
        self._idle: deque[_Connection] = deque()
        self._due: deque[float] = deque()  # moments of requests that wait for a connection
        self._answers: Counter[str] = Counter()
        self._times: list[tuple[float, float]] = []  # when it was answered, how long it took
        self._broken = 0
        self._unexpected = ""
        self._began = 0.0
        self._noted: list[tuple[int, tuple[float, float, str]]] = []

    @property
    def _is_sent(self) -> bool:
        """Whether all has been sent that may be."""
        return self._order.most is not None and self._requests.made >= self._order.most

    @property
    def _is_done(self) -> bool:
        return self._is_sent and len(self._idle) == len(self._open)

    def run(self) -> Outcome:
        order = self._order
        for _ in range(order.connections):
            self._connect()
        cpu, began = time.process_time(), time.perf_counter()
        self._began = began
        stop = began + order.warm_up + order.seconds
        if order.rate is None:
            self._due.extend([began] * order.connections)
        arrivals = random.Random(order.seed)
        coming = began
        while (now := time.perf_counter()) < stop and not self._is_done:
            wait = stop - now
            if self._is_sent:
                wait = 0.1
            elif order.rate is not None:
                while coming <= now:
                    self._due.append(coming)
                    coming += arrivals.expovariate(order.rate)
                wait = coming - now
            self._send_due(now)
            self._take_answers(wait, go_on=order.rate is None)
        cpu = (time.process_time() - cpu) / (time.perf_counter() - began)
        self._drain()
        return self._outcome(began + order.warm_up, stop, cpu)

    def _connect(self) -> None:
        connection = _Connection(self._order.port)
        self._open[connection.socket.fileno()] = connection
        self._poller.register(connection.socket.fileno(), select.EPOLLIN)
        self._idle.append(connection)

    def _send_due(self, now: float) -> None:
        closed = self._order.rate is None
        while self._due and self._idle and not self._is_sent:
            due = self._due.popleft()
            number = self._requests.made
            self._idle.popleft().send(self._requests(), now if closed else due, number)

    def _take_answers(self, wait: float, *, go_on: bool) -> None:
        for number, _ in self._poller.poll(max(0.0, wait)):
            connection = self._open[number]
            try:
                answer = connection.receive()
            except OSError:
                self._broken += connection.busy
                self._close(number)
                self._connect()
                if go_on:
                    self._due.append(time.perf_counter())
                continue
            if answer is None:
                continue
            now = time.perf_counter()
            self._note(answer, now, connection)
            if b"\r\nconnection: close" in answer[:1024].lower():
                self._close(number)
                self._connect()
            else:
                self._idle.append(connection)
            if go_on:
                self._due.append(now)
                self._send_due(now)

    def _note(self, answer: bytes, now: float, connection: _Connection) -> None:
        status = answer[9:12].decode()
        self._answers[status] += 1
        self._times.append((now, now - connection.began))
        if self._order.noted:
            due, at = connection.began - self._began, now - self._began
            self._noted.append((connection.number, (due, at, status)))
        if status[0] != "2" and not self._unexpected:
            self._unexpected = answer[:2000].decode(errors="replace")

    def _close(self, number: int) -> None:
        self._poller.unregister(number)
        self._open.pop(number).socket.close()

    def _drain(self) -> None:
        """Reads what is still to come; what does not come counts as broken."""
        self._due.clear()
        deadline = time.perf_counter() + DRAIN_SECONDS
        while any(c.busy for c in self._open.values()) and time.perf_counter() < deadline:
            self._take_answers(0.1, go_on=False)
        self._broken += sum(connection.busy for connection in self._open.values())

    def _outcome(self, since: float, until: float, cpu: float) -> Outcome:
        # An open load ends when its last answer is in: the slowest ones count too.
        last = until if self._order.rate is None else float("inf")
        took = sorted(t for at, t in self._times if since <= at < last)
        return Outcome(
            answers=dict(self._answers),
            broken=self._broken,
            per_second=sum(since <= at < until for at, _ in self._times) / (until - since),
            p50_ms=quantile(took, 0.5),
            p90_ms=quantile(took, 0.9),
            p99_ms=quantile(took, 0.99),
            longest_ms=quantile(took, 1.0),
            loader_cpu=cpu,
            seconds=max((at for at, _ in self._times), default=self._began) - self._began,
            unexpected=self._unexpected,
            noted=[what for _, what in sorted(self._noted)],
        )


def quantile(ordered: list[float], share: float) -> float:
    if not ordered:
        return 0.0
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] * 1000


def main() -> None:
    given = json.load(sys.stdin)
    order = Order(**{**given, "places": tuple(given["places"]), "bodies": tuple(given["bodies"])})
    json.dump(asdict(_Load(order).run()), sys.stdout)


if __name__ == "__main__":
    main()
