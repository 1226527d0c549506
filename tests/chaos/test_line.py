"""kill -9 while a crowd lines up: nobody who was told a place loses it, and the order stands."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from tests.chaos import test_kill
from tests.chaos.test_kill import Installation, assert_doctor_is_content
from tests.support.crowds import wait_until

_CROWD = 120
VICTIMS = ("matricula: web", "matricula: worker", "postgres -D")
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

    def __init__(self, client: httpx.Client, tokens: list[str]) -> None:
        self._client = client
        self._tokens = tokens
        self.placed: dict[str, str] = {}

    def line_up(self) -> None:
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(self._ask_until_answered, self._tokens))

    def _ask_until_answered(self, token: str) -> None:
        headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": token[-40:]}

        def ask() -> bool:
            try:
                answer = self._client.post(
                    "/enrollments/initialize", json={"course_id": "hot-drop"}, headers=headers
                )
            except httpx.TransportError:
                return False
            if answer.status_code in {200, 202}:
                self.placed[token] = answer.json()["enrollment_id"]
                return True
            assert answer.status_code == 503, answer.text
            return False

        wait_until(ask, 120)

    def wait_until_enrolled(self) -> None:
        """Each of them, in the enrollment they were told of."""

        def is_enrolled(token: str) -> bool:
            found = self._client.get(
                f"/enrollments/{self.placed[token]}", headers={"Authorization": f"Bearer {token}"}
            )
            assert found.status_code == 200, found.text
            return bool(found.json()["status"] == "enrolled")

        for token in self._tokens:
            wait_until(partial(is_enrolled, token), 60)


@pytest.mark.timeout(600)
def test_killed_processes_lose_no_place_in_line(installation: Installation, tmp_path: Path) -> None:
    tokens_file = tmp_path / "tokens"
    done = installation.command("demo", "--people", str(_CROWD), "--tokens", str(tokens_file))
    assert done.returncode == 0, done.stderr
    make_a_drop(installation.url)
    with httpx.Client(base_url=f"{installation.url}/api/v1", timeout=30) as client:
        crowd = Crowd(client, tokens_file.read_text().split())

        def strike() -> None:
            for count, victim in enumerate(VICTIMS, start=1):
                wait_until(partial(_has_placed, crowd, count * _CROWD // 4), 240)
                installation.kill(victim)

        striking = threading.Thread(target=strike)
        striking.start()
        crowd.line_up()
        striking.join()
        assert len(crowd.placed) == _CROWD
        crowd.wait_until_enrolled()
    assert_doctor_is_content(installation)


def _has_placed(crowd: Crowd, count: int) -> bool:
    return len(crowd.placed) >= count
