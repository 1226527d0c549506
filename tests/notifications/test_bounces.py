"""What returned messages say."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from matricula.notifications import actions, bounces
from matricula.notifications.models import SuppressedAddress
from tests.support.crowds import django_on
from tests.support.databases import site_environment

HEAD = b"Message-ID: <dlv_1@site.example>\r\nSubject: x\r\nTo: gone@example.org\r\n\r\n"


def delivery_status(action: str, status: str) -> bytes:
    """As Postfix sends it (RFC 3464)."""
    return (
        b"From: MAILER-DAEMON@relay.example\r\nTo: site@site.example\r\nSubject: Undelivered\r\n"
        b"MIME-Version: 1.0\r\n"
        b'Content-Type: multipart/report; report-type=delivery-status; boundary="B"\r\n\r\n'
        b"--B\r\nContent-Type: text/plain\r\n\r\nSorry.\r\n"
        b"--B\r\nContent-Type: message/delivery-status\r\n\r\n"
        b"Reporting-MTA: dns; relay.example\r\n\r\n"
        b"Final-Recipient: rfc822; gone@example.org\r\n"
        b"Action: " + action.encode() + b"\r\nStatus: " + status.encode() + b"\r\n"
        b"Diagnostic-Code: smtp; 550 no such user\r\n\r\n"
        b"--B\r\nContent-Type: message/rfc822\r\n\r\n" + HEAD + b"Hello\r\n--B--\r\n"
    )


def feedback(kind: str) -> bytes:
    """As mailbox providers send it (RFC 5965)."""
    return (
        b"From: fbl@mailbox.example\r\nTo: site@site.example\r\nSubject: FW\r\n"
        b"MIME-Version: 1.0\r\n"
        b'Content-Type: multipart/report; report-type=feedback-report; boundary="B"\r\n\r\n'
        b"--B\r\nContent-Type: text/plain\r\n\r\nA report.\r\n"
        b"--B\r\nContent-Type: message/feedback-report\r\n\r\n"
        b"Feedback-Type: " + kind.encode() + b"\r\nUser-Agent: X/1\r\nVersion: 1\r\n"
        b"Original-Rcpt-To: <gone@example.org>\r\n\r\n"
        b"--B\r\nContent-Type: text/rfc822-headers\r\n\r\n" + HEAD + b"--B--\r\n"
    )


def test_a_failed_delivery_names_mail_and_address() -> None:
    found = bounces.read_report(delivery_status("failed", "5.1.1"))
    assert found is not None
    assert (found.message_id, found.address, found.is_complaint) == (
        "<dlv_1@site.example>",
        "gone@example.org",
        False,
    )
    assert "no such user" in found.detail


@pytest.mark.parametrize(("action", "status"), [("delayed", "4.4.1"), ("delivered", "2.0.0")])
def test_news_that_is_no_failure_says_nothing(action: str, status: str) -> None:
    assert bounces.read_report(delivery_status(action, status)) is None


def test_a_complaint_names_mail_and_address() -> None:
    found = bounces.read_report(feedback("abuse"))
    assert found is not None
    assert (found.message_id, found.address, found.is_complaint) == (
        "<dlv_1@site.example>",
        "gone@example.org",
        True,
    )


def test_other_feedback_is_no_complaint() -> None:
    assert bounces.read_report(feedback("not-spam")) is None


@pytest.mark.parametrize("raw", [b"", b"\xff\xfe\x00", b"Subject: Out of office\r\n\r\nBye", HEAD])
def test_anything_else_says_nothing(raw: bytes) -> None:
    assert bounces.read_report(raw) is None


def bounce(url: str, raw: bytes) -> str:
    """What `matricula bounce` says to this message."""
    done = subprocess.run(
        [sys.executable, "-m", "matricula.cli", "bounce"],
        env={**os.environ, **site_environment(url)},
        input=raw,
        capture_output=True,
        check=True,
    )
    return done.stdout.decode().strip()


def test_the_command_notes_a_bounce_of_ours_and_passes_others_over(
    db: None, fresh_database: str
) -> None:
    with django_on(fresh_database):
        row = actions.new_delivery(
            "other", "gone@example.org", "x", {"text": "x", "html": "", "headers": {}}
        )
        row.message_id_header = "<dlv_1@site.example>"
        row.save()
        raw = delivery_status("failed", "5.1.1")
        said = [bounce(fresh_database, given) for given in (raw, b"x")]
        assert said == ["noted", "passed over"]
        assert SuppressedAddress.objects.get().address == "gone@example.org"
