"""The site as an app: its manifest, its service worker, and what is shown offline."""

from __future__ import annotations

import json
import re

import httpx
import pytest
from django.conf import settings
from django.test import Client

from matricula.accounts.models import Person
from matricula.config.assets import build_of
from matricula.kernel import ids

pytestmark = pytest.mark.django_db
SHELL = f"/static/{settings.BUILD}/matricula/"


def test_the_manifest_makes_the_site_installable(guest: Client) -> None:
    answer = guest.get("/manifest.webmanifest")
    assert answer["Content-Type"].startswith("application/manifest+json")
    manifest = json.loads(answer.content)
    assert manifest["start_url"] == "/"
    assert manifest["display"] == "standalone"
    assert {(icon["sizes"], icon["purpose"]) for icon in manifest["icons"]} == {
        ("192x192", "any"),
        ("512x512", "any"),
        ("512x512", "maskable"),
    }
    assert 'rel="manifest" href="/manifest.webmanifest"' in guest.get("/").content.decode()


def test_the_worker_stands_at_the_root_and_is_asked_for_anew(guest: Client) -> None:
    answer = guest.get("/sw.js")
    assert answer["Content-Type"].startswith("text/javascript")
    assert answer["Cache-Control"] == "no-cache"
    script = answer.content.decode()
    assert settings.BUILD in script
    assert f'"{SHELL}site.css"' in script
    assert f'"{SHELL}offline/worker.js"' in script


def test_everything_the_manifest_and_the_worker_name_is_there(live_site: str) -> None:
    manifest = httpx.get(f"{live_site}/manifest.webmanifest").json()
    script = httpx.get(f"{live_site}/sw.js").text
    named = [icon["src"] for icon in manifest["icons"]]
    named += re.findall(r'"(/[^"]+)"', script)
    assert len(named) > 15
    for path in named:
        assert httpx.get(f"{live_site}{path}").status_code == 200, path


def test_files_of_this_build_never_change(live_site: str) -> None:
    answer = httpx.get(f"{live_site}{SHELL}site.css")
    assert "immutable" in answer.headers["Cache-Control"]


def test_a_page_of_another_build_gets_the_present_file_for_now(live_site: str) -> None:
    answer = httpx.get(f"{live_site}/static/0123456789ab/matricula/site.css")
    assert answer.status_code == 302
    assert answer.headers["Location"] == f"{SHELL}site.css"
    assert answer.headers["Cache-Control"] == "no-store"
    missing = httpx.get(
        f"{live_site}/static/0123456789ab/matricula/none.css", follow_redirects=True
    )
    assert missing.status_code == 404


def test_another_content_is_another_build(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("static")
    (folder / "a.css").write_text("a {}")
    first = build_of(folder)
    assert build_of(folder) == first
    (folder / "a.css").write_text("b {}")
    assert build_of(folder) != first
    (folder / "a.css").rename(folder / "b.css")
    assert build_of(folder) not in {first, ""}


@pytest.mark.parametrize("path", ["/offline/", "/offline/enroll/"])
def test_offline_pages_are_nobodys(guest: Client, path: str) -> None:
    html = guest.get(path).content.decode()
    assert "You are offline" in html
    assert 'data-person=""' in html
    assert "Sign in</a>" not in html


def test_the_session_tells_who_is_signed_in_and_is_kept_nowhere(
    guest: Client, member: Client, learner: Person
) -> None:
    assert guest.get("/offline/session/").json()["person"] is None
    answer = member.get("/offline/session/")
    assert answer.json()["person"] == ids.to_text("usr", learner.pk)
    assert "no-store" in answer["Cache-Control"]
    assert "Access-Control-Allow-Origin" not in answer


def test_its_token_carries_an_enrollment(learner: Person) -> None:
    browser = Client(HTTP_HOST="127.0.0.1", enforce_csrf_checks=True)
    browser.force_login(learner)
    token = browser.get("/offline/session/").json()["token"]
    wish = {"course_id": "hot-drop", "expected_total_minor": 0}
    refused = browser.post("/api/v1/enrollments/initialize", wish, "application/json")
    assert refused.status_code == 403
    headers = {"x-csrftoken": token, "idempotency-key": "one-and-the-same"}
    for status in ("enrolled", "enrolled"):
        answer = browser.post(
            "/api/v1/enrollments/initialize", wish, "application/json", headers=headers
        )
        assert answer.status_code == 201
        assert answer.json()["status"] == status
    assert answer["Idempotent-Replayed"] == "true"
