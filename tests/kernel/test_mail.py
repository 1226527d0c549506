"""Mail is written down with what wants it, and sent by the worker."""

from __future__ import annotations

import email
import email.policy
from pathlib import Path

import pytest
from django.core.mail import EmailMultiAlternatives, get_connection
from django.db import transaction
from procrastinate.contrib.django.models import ProcrastinateJob
from pytest_django.fixtures import Settings

from matricula.kernel import mail
from matricula.kernel.models import OutgoingMail
from tests.support.sites import free_port

pytestmark = pytest.mark.django_db


def queue(subject: str = "Hello") -> OutgoingMail:
    message = EmailMultiAlternatives(
        subject, "Plain नमस्ते", "site@example.org", ["lea@example.org"], headers={"X-Kind": "a"}
    )
    message.attach_alternative("<p>Rich</p>", "text/html")
    assert get_connection("matricula.kernel.mail.Backend").send_messages([message]) == 1
    return OutgoingMail.objects.latest("pk")


def to_files(settings: Settings, folder: Path) -> None:
    settings.MAIL_TRANSPORT = "django.core.mail.backends.filebased.EmailBackend"
    settings.EMAIL_FILE_PATH = str(folder)


def to_a_closed_port(settings: Settings) -> None:
    settings.MAIL_TRANSPORT = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", free_port()


def test_a_queued_mail_is_sent_whole_and_forgotten(settings: Settings, tmp_path: Path) -> None:
    to_files(settings, tmp_path)
    row = queue("Grüße")

    assert mail.deliver(row.pk) is True

    (file,) = tmp_path.iterdir()
    text = file.read_bytes().rpartition(b"\n---")[0]
    parsed = email.message_from_bytes(text, policy=email.policy.default)
    assert parsed["Subject"] == "Grüße"
    assert parsed["To"] == "lea@example.org"
    assert parsed["X-Kind"] == "a"
    assert parsed["Message-ID"] == row.content["headers"]["Message-ID"]
    kinds = [part.get_content_type() for part in parsed.walk()]
    assert kinds == ["multipart/alternative", "text/plain", "text/html"]
    assert not OutgoingMail.objects.filter(pk=row.pk).exists()


def test_a_mail_sent_before_is_not_sent_again(settings: Settings, tmp_path: Path) -> None:
    to_files(settings, tmp_path)
    row = queue()
    mail.deliver(row.pk)
    assert mail.deliver(row.pk) is False
    assert len(list(tmp_path.iterdir())) == 1


def test_a_relay_that_is_away_leaves_the_mail_queued_with_the_reason(settings: Settings) -> None:
    to_a_closed_port(settings)
    row = queue()
    with pytest.raises(ConnectionRefusedError):
        mail.deliver(row.pk)
    row.refresh_from_db()
    assert row.error.startswith("ConnectionRefusedError")


def test_a_job_knows_the_number_of_its_mail_and_nothing_of_its_words() -> None:
    row = queue("A secret link")
    job = ProcrastinateJob.objects.latest("id")
    assert job.args == {"mail_id": row.pk, "correlation_id": ""}


def test_a_mail_of_an_undone_transaction_is_not_sent() -> None:
    before = OutgoingMail.objects.count(), ProcrastinateJob.objects.count()
    with transaction.atomic():
        queue()
        transaction.set_rollback(True)
    assert (OutgoingMail.objects.count(), ProcrastinateJob.objects.count()) == before
