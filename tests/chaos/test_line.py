"""kill -9 while a crowd lines up: nobody who was told a place loses it, and the order stands."""

from __future__ import annotations

import threading
from collections import Counter
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from tests.chaos import test_kill
from tests.chaos.test_kill import Installation, assert_doctor_is_content
from tests.support.crowds import wait_until

_CROWD = 240
installation = test_kill.installation


def sign_in(client: httpx.Client) -> None:
    """As staff does, in the browser."""
    page = client.get("/accounts/login/")
    form = {
        "login": "staff@example.com",
        "password": "matricula-demo",
        "csrfmiddlewaretoken": client.cookies["matricula_csrf"],
    }
    answer = client.post("/accounts/login/", data=form, headers={"Referer": str(page.url)})
    assert answer.status_code in {200, 302}, answer.text


def send(client: httpx.Client, path: str, **form: str) -> None:
    form["csrfmiddlewaretoken"] = client.cookies["matricula_csrf"]
    answer = client.post(path, data=form, headers={"Referer": str(client.base_url)})
    assert answer.status_code == 302, answer.text


def make_a_drop(url: str) -> None:
    """The demo's drop becomes one."""
    with httpx.Client(base_url=url, timeout=60) as client:
        sign_in(client)
        found = client.get("/api/v1/courses/hot-drop").json()["course"]["cohorts"][0]
        listed = client.get("/console/catalog/cohort/?q=hot-drop").text
        start = listed.index("/console/catalog/cohort/", listed.index("<tbody"))
        cohort = urlsplit(listed[start:].split('"')[0]).path.split("/")[4]
        assert found["id"]
        client.get(f"/console/waitingroom/room/add/?cohort={cohort}")
        send(client, "/console/waitingroom/room/add/", cohort=cohort, is_drop="on", opens_above="")


class Crowd:
    """People who ask until they are answered, and then look until it is decided."""

    def __init__(self, installation: Installation, tokens: list[str]) -> None:
        self._url = installation.url
        self._tokens = iter(tokens)
        self._lock = threading.Lock()
        self.placed: dict[str, str] = {}
        self.ended: Counter[str] = Counter()

    def run(self, strike: threading.Event, strike_at: int) -> None:
        def work() -> None:
            while True:
                with self._lock:
                    token = next(self._tokens, None)
                if token is None:
                    return
                self._line_up(token)
                if len(self.placed) >= strike_at:
                    strike.set()

        threads = [threading.Thread(target=work) for _ in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        strike.set()

    def _line_up(self, token: str) -> None:
        headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": token[-40:]}

        def ask() -> bool:
            try:
                answer = httpx.post(
                    f"{self._url}/api/v1/enrollments/initialize",
                    json={"course_id": "hot-drop"},
                    headers=headers,
                    timeout=30,
                )
            except httpx.TransportError:
                return False
            if answer.status_code in {200, 202}:
                self.placed[token] = answer.json()["enrollment_id"]
                return True
            if answer.status_code == 409 and answer.json()["code"] == "course_full":
                self.ended["turned away"] += 1
                return True
            assert answer.status_code == 503, answer.text
            return False

        wait_until(ask, 120)

    def decided(self, token: str, enrollment_id: str) -> str:
        """What became of it; empty while it waits."""
        found = httpx.get(
            f"{self._url}/api/v1/enrollments/{enrollment_id}",
            headers={"Authorization": f"Bearer {token}"},
            timeout=30,
        )
        assert found.status_code == 200, found.text
        status: str = found.json()["status"]
        return "" if status == "pending" else status


@pytest.mark.parametrize("victim", ["matricula.cli web", "matricula.cli worker", "postgres -D"])
def test_a_killed_process_loses_no_place_in_line(
    installation: Installation, tmp_path: Path, victim: str
) -> None:
    tokens_file = tmp_path / "tokens"
    done = installation.command("demo", "--people", str(_CROWD), "--tokens", str(tokens_file))
    assert done.returncode == 0, done.stderr
    make_a_drop(installation.url)
    crowd = Crowd(installation, tokens_file.read_text().split())
    strike = threading.Event()

    def killer() -> None:
        strike.wait(120)
        installation.kill(victim)

    thread = threading.Thread(target=killer)
    thread.start()
    crowd.run(strike, strike_at=_CROWD // 4)
    thread.join()

    for token, enrollment_id in crowd.placed.items():
        wait_until(lambda: bool(crowd.decided(token, enrollment_id)), 120)  # noqa: B023 - called here
        crowd.ended[crowd.decided(token, enrollment_id)] += 1
    assert crowd.ended["enrolled"] == _CROWD  # the demo's drop has seats for all of them
    assert_doctor_is_content(installation)
