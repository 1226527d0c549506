"""The demo's mail box."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from django.conf import LazySettings
from django.core.mail import EmailMessage
from django.core.mail.backends.filebased import EmailBackend
from django.test import Client


@pytest.fixture
def box(tmp_path: Path, settings: LazySettings) -> Path:
    """A mail folder with two messages in one file, and a secret beside it."""
    folder = tmp_path / "mail"
    settings.EMAIL_FILE_PATH = str(folder)
    (tmp_path / "secret.txt").write_text("secret")
    EmailBackend(file_path=str(folder)).send_messages(
        [
            EmailMessage("Grüße", "Open http://127.0.0.1/x <b>now</b>", "a@x.org", ["b@x.org"]),
            EmailMessage("Second", "Two", "a@x.org", ["c@x.org"]),
        ]
    )
    return folder


def test_messages_are_listed_and_shown_as_text(guest: Client, box: Path) -> None:
    html = guest.get("/demo/mail/").content.decode()
    assert "Grüße" in html
    assert "c@x.org" in html
    (name,) = (file.name for file in box.iterdir())
    html = guest.get(f"/demo/mail/{name}").content.decode()
    assert 'href="http://127.0.0.1/x"' in html
    assert "&lt;b&gt;now&lt;/b&gt;" in html


@pytest.mark.parametrize("name", ["../secret.txt", "..%2fsecret.txt", "secret.txt", "..", "."])
def test_nothing_outside_the_folder_is_read(guest: Client, box: Path, name: str) -> None:
    assert guest.get(f"/demo/mail/{name}").status_code == 404


def test_an_empty_box_says_how_to_fill_it(
    guest: Client, tmp_path: Path, settings: LazySettings
) -> None:
    settings.EMAIL_FILE_PATH = str(tmp_path / "none")
    assert "No mail yet" in guest.get("/demo/mail/").content.decode()


def test_outside_demo_mode_there_is_none(guest: Client, box: Path, settings: LazySettings) -> None:
    settings.ENVIRONMENT = replace(settings.ENVIRONMENT, demo=False)
    assert guest.get("/demo/mail/").status_code == 404
    (name,) = (file.name for file in box.iterdir())
    assert guest.get(f"/demo/mail/{name}").status_code == 404


def test_every_kind_of_letter_can_be_looked_at(guest: Client) -> None:
    page = guest.get("/demo/mail/letters/").content.decode()
    found = [
        part.partition('"')[0] for part in page.split('src="') if "/demo/mail/letters/" in part
    ]
    assert len(found) >= 15
    for address in found:
        answer = guest.get(address)
        assert (answer.status_code, answer["X-Frame-Options"]) == (200, "SAMEORIGIN")
        assert "sandbox" in answer["Content-Security-Policy"]


def test_letters_are_shown_in_demo_mode_alone(guest: Client, settings: LazySettings) -> None:
    settings.ENVIRONMENT = replace(settings.ENVIRONMENT, demo=False)
    for address in ("/demo/mail/letters/", "/demo/mail/letters/receipt/html/"):
        assert guest.get(address).status_code == 404
