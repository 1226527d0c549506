"""Clients of the live transports, and a site whose events they follow."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import psycopg
from django.conf import settings
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from matricula.accounts import tokens
from matricula.kernel import ids
from tests.support.crowds import wait_until
from tests.support.databases import site_environment
from tests.support.sites import Site, running_site, stop

_MATRICULA = str(Path(sys.executable).parent / "matricula")
COURSE = "full-stack-development"


@dataclass
class LiveSite:
    """A running site; its worker is started and stopped by the test."""

    site: Site
    worker: subprocess.Popen[bytes] | None = None

    def start_worker(self) -> None:
        if self.worker is None:
            with (self.site.home / "worker.log").open("ab") as out:
                self.worker = subprocess.Popen(
                    [_MATRICULA, "worker"],
                    env=self._environ(),
                    stdout=out,
                    stderr=subprocess.STDOUT,
                )

    def stop_worker(self) -> None:
        if self.worker is not None:
            stop(self.worker)
            self.worker = None

    def token(self) -> str:
        """An access token of somebody new."""
        person_id = ids.new_id()
        self.run(
            "INSERT INTO accounts_person SELECT (jsonb_populate_record(p,"
            " jsonb_build_object('id', %s::uuid, 'email', %s::text))).* FROM accounts_person p"
            " WHERE p.email = 'learner@example.com'",
            person_id,
            f"{person_id}@example.com",
        )
        return tokens.access_token(person_id)

    def enrollment(self, token: str, course: str = COURSE) -> str:
        """A pending enrollment of the token's person, its seat held to be paid for."""
        with self.site.client(token) as client:
            answer = client.post("/api/v1/enrollments/initialize", json={"course_id": course})
        assert answer.status_code == httpx.codes.CREATED, answer.text
        return str(answer.json()["enrollment_id"])

    def happen(self, enrollment: str, *types: str, data: str = "{}") -> None:
        """Appends events to the enrollment's log, in one transaction."""
        subject = ids.from_text("enr", enrollment)
        count = len(types)
        with psycopg.connect(self.site.database_url) as connection:
            connection.execute(
                "SELECT 1 FROM enrollments_enrollment WHERE id = %s FOR UPDATE", [subject]
            )
            connection.execute(
                "SELECT append_events(%s::text[], %s::uuid[], %s::uuid[], %s::uuid[],"
                " %s::text[], %s::jsonb[])",
                [list(types), [subject] * count, *[[None] * count] * 2, ["t"] * count,
                 [data] * count],
            )  # fmt: skip

    def log(self, enrollment: str) -> list[tuple[int, str]]:
        """The numbers and types in the enrollment's log."""
        with psycopg.connect(self.site.database_url) as connection:
            return connection.execute(
                "SELECT subject_seq, type FROM kernel_event WHERE subject = %s"
                " ORDER BY subject_seq",
                [ids.from_text("enr", enrollment)],
            ).fetchall()

    def run(self, statement: str, *params: Any) -> None:
        """One statement on the site's database."""
        with psycopg.connect(self.site.database_url) as connection:
            connection.execute(statement.encode(), params)

    def ask(self, query: str, *params: Any) -> Any:
        """The one value that the query returns."""
        with psycopg.connect(self.site.database_url) as connection:
            row = connection.execute(query.encode(), params).fetchone()
        assert row is not None
        return row[0]

    def cancel(self, token: str, enrollment: str) -> None:
        with self.site.client(token) as client:
            answer = client.post(f"/api/v1/enrollments/{enrollment}/cancel", json={})
        assert answer.status_code == httpx.codes.OK, answer.text

    def socket(self, **options: Any) -> ClientConnection:
        """A WebSocket to the site; headers by `additional_headers`."""
        address = f"ws://{urlsplit(self.site.url).netloc}/api/v1/live"
        return connect(address, proxy=None, **options)

    def _environ(self) -> dict[str, str]:
        return {
            **os.environ,
            **site_environment(self.site.database_url),
            "MATRICULA_HOME": str(self.site.home),
            "MATRICULA_SECRET_KEY": settings.SECRET_KEY,
            "PORT": str(urlsplit(self.site.url).port),
        }


@contextmanager
def running_live_site(*, worker: bool = True, workers: int = 1, **extra: str) -> Iterator[LiveSite]:
    with running_site(workers=workers, MATRICULA_SECRET_KEY=settings.SECRET_KEY, **extra) as site:
        live = LiveSite(site)
        try:
            if worker:
                live.start_worker()
            yield live
        finally:
            live.stop_worker()


@dataclass
class Follower:
    """One who reads server-sent events, in a thread of its own, until the answer ends."""

    url: str
    token: str | None = None
    headers: dict[str, str] = field(default_factory=dict)
    status: int = 0
    answered: dict[str, str] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)
    ended: bool = False

    def __post_init__(self) -> None:
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    @property
    def messages(self) -> list[tuple[int | None, Any]]:
        """Numbers and contents of the messages so far."""
        found: list[tuple[int | None, Any]] = []
        number: int | None = None
        for line in list(self.lines):
            if line.startswith("id: "):
                number = int(line[4:])
            elif line.startswith("data: "):
                found.append((number, json.loads(line[6:])))
                number = None
        return found

    @property
    def told(self) -> list[tuple[int, str]]:
        """Numbers and types of the events so far."""
        return [(content["id"], content["type"]) for _, content in self.messages]

    def wait_for(self, count: int) -> None:
        """Returns once so many messages have come."""
        wait_until(lambda: len(self.messages) >= count)

    def answered_with(self) -> int:
        """The status, once it is there; 0 when the site did not answer."""
        wait_until(lambda: self.status > 0 or self.ended)
        return self.status

    def wait_for_end(self) -> None:
        wait_until(lambda: self.ended)

    def _read(self) -> None:
        headers = dict(self.headers)
        if self.token is not None:
            headers["Authorization"] = f"Bearer {self.token}"
        try:
            with httpx.stream("GET", self.url, headers=headers, timeout=60) as answer:
                self.status = answer.status_code
                self.answered = dict(answer.headers)
                for line in answer.iter_lines():
                    self.lines.append(line)
        except httpx.HTTPError as error:
            self.lines.append(f"! {error!r}")
        finally:
            self.ended = True


def say(socket: ClientConnection, **message: Any) -> None:
    socket.send(json.dumps(message))


def hear(socket: ClientConnection, timeout: float = 60) -> dict[str, Any]:
    """The next message."""
    message: dict[str, Any] = json.loads(socket.recv(timeout=timeout))
    return message


def close_code(socket: ClientConnection) -> int | None:
    """What the server closes the socket with, after what it still says."""
    with suppress(ConnectionClosed):
        while True:
            socket.recv(timeout=30)
    return socket.close_code
