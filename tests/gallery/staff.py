"""What staff does behind the walk, in the console's forms, and what other people do meanwhile."""

from __future__ import annotations

import secrets
from html.parser import HTMLParser
from typing import Any

import httpx

from matricula.kernel import ids

_COHORTS, _ROOMS = "/console/catalog/cohort", "/console/waitingroom/room"


class Other:
    """Somebody else, through the API."""

    def __init__(self, client: httpx.Client) -> None:
        self._client = client
        self._headers: dict[str, str] = {}
        new = {
            "email": f"{secrets.token_hex(6)}@example.com",
            "password": secrets.token_hex(12),
            "full_name": "Ada Holt",
        }
        token = self._post("auth/signup", new)["access_token"]
        self._headers["Authorization"] = f"Bearer {token}"

    def take(self, slug: str) -> str:
        """Holds a seat of the course; the enrollment's id."""
        return str(self._post("enrollments/initialize", {"course_id": slug})["enrollment_id"])

    def cancel(self, enrollment: str) -> None:
        """Gives it back."""
        self._post(f"enrollments/{enrollment}/cancel", {})

    def _post(self, path: str, content: dict[str, str]) -> dict[str, Any]:
        answer = self._client.post(f"/api/v1/{path}", json=content, headers=self._headers)
        found: dict[str, Any] = answer.raise_for_status().json()
        return found


class Staff:
    """The demo's staff, signed in to the console."""

    def __init__(self, client: httpx.Client) -> None:
        self._client = client
        account = {"login": "staff@example.com", "password": "matricula-demo"}
        self._send("/accounts/login/", account)

    def add_intake(self, slug: str, name: str) -> None:
        """Another cohort of the course, like its first, with as many seats as are wanted."""
        course, first = self._ids_of(slug)
        form = fields_of(self._get(f"{_COHORTS}/{first}/change/"))
        same = {key: form[key] for key in form if key.startswith(("opens_", "closes_"))}
        own = {"course": course, "name": name, "seats_limit": "unlimited"}
        self._send(f"{_COHORTS}/add/", {**same, **own})

    def pause_line(self, slug: str) -> None:
        """The course's seats are given by turn, and for now to nobody."""
        _course, cohort = self._ids_of(slug)
        self._send(f"{_ROOMS}/add/", {"cohort": cohort, "is_drop": "on"})
        self._send(f"{_ROOMS}/{cohort}/pause/", {})

    def _ids_of(self, slug: str) -> tuple[str, str]:
        """The course's and its first cohort's, as the console writes them."""
        answer = self._client.get(f"/api/v1/courses/{slug}").raise_for_status()
        course: dict[str, Any] = answer.json()["course"]
        first = course["cohorts"][0]["id"]
        return str(ids.from_text("crs", course["id"])), str(ids.from_text("coh", first))

    def _get(self, path: str) -> str:
        return self._client.get(path).raise_for_status().text

    def _send(self, path: str, changed: dict[str, str]) -> None:
        """The form of the page as it is, with these fields changed. Fails when it comes back."""
        form = {**fields_of(self._get(path)), **changed}
        answer = self._client.post(path, data=form, headers={"Referer": str(self._client.base_url)})
        assert answer.is_success, answer.text
        assert answer.url.path != path, f"{path} refused {changed}"


def fields_of(html: str) -> dict[str, str]:
    """What a browser would send of the forms on the page, one value a name."""
    reader = _Fields()
    reader.feed(html)
    return reader.found


class _Fields(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: dict[str, str] = {}
        self._select = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        name, kind = given.get("name", ""), given.get("type", "")
        if tag == "select":
            self._select = name
        elif tag == "option" and "selected" in given and self._select:
            self.found[self._select] = given.get("value", "")
        elif tag == "input" and name and kind not in {"submit", "button", "file"}:
            if kind not in {"checkbox", "radio"} or "checked" in given:
                self.found[name] = given.get("value", "")
        elif tag == "textarea" and name:
            self.found.setdefault(name, "")
