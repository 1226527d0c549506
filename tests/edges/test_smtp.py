"""Mail through a real relay: one that takes it, one that refuses first, one that hangs."""

from __future__ import annotations

import email
import email.policy
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage

import pytest
from django.conf import LazySettings
from django.core.mail import EmailMultiAlternatives, get_connection

from matricula.kernel import mail
from matricula.kernel.jobs import MAIL_RETRIES
from matricula.kernel.models import OutgoingMail

pytestmark = pytest.mark.django_db
TAKES = b"250 taken"


class Relay(socketserver.ThreadingTCPServer):
    """Speaks enough SMTP (RFC 5321) to take mail. `answers` says what it tells the end of each
    message, and the last of them goes on for ever; an empty one is never sent."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, *answers: bytes) -> None:
        super().__init__(("127.0.0.1", 0), Session)
        self.answers = list(answers)
        self.offered: list[EmailMessage] = []
        self.recipients: list[str] = []
        self.released = threading.Event()


class Session(socketserver.StreamRequestHandler):
    """One connection to the relay."""

    server: Relay

    def handle(self) -> None:
        self._say(b"220 relay ready")
        for line in self.rfile:
            word = line[:4].upper().strip()
            if word == b"DATA":
                self._say(b"354 go on")
                self._take()
            elif word == b"QUIT":
                self._say(b"221 bye")
                return
            else:
                if word == b"RCPT":
                    self.server.recipients.append(line.decode().partition(":")[2].strip())
                self._say(b"250 ok")

    def _take(self) -> None:
        lines: list[bytes] = []
        while (line := self.rfile.readline()) not in {b".\r\n", b""}:
            lines.append(line)
        whole = email.message_from_bytes(b"".join(lines), policy=email.policy.default)
        assert isinstance(whole, EmailMessage)
        self.server.offered.append(whole)
        answers = self.server.answers
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if answer:
            self._say(answer)
        else:
            self.server.released.wait(60)

    def _say(self, line: bytes) -> None:
        self.wfile.write(line + b"\r\n")


@contextmanager
def relay(settings: LazySettings, *answers: bytes) -> Iterator[Relay]:
    """A relay on loopback, to which mail goes inside the block."""
    with Relay(*answers) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        settings.MAIL_TRANSPORT = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", server.server_address[1]
        try:
            yield server
        finally:
            server.released.set()
            server.shutdown()
            thread.join()


@pytest.fixture
def queued() -> OutgoingMail:
    """A mail with two parts, to two people, one of them in blind copy."""
    message = EmailMultiAlternatives(
        "Grüße", "Plain नमस्ते", "site@example.org", ["lea@example.org"], bcc=["bo@example.org"]
    )
    message.attach_alternative("<p>Rich नमस्ते</p>", "text/html")
    get_connection("matricula.kernel.mail.Backend").send_messages([message])
    return OutgoingMail.objects.latest("pk")


def is_queued(row: OutgoingMail) -> bool:
    return OutgoingMail.objects.filter(pk=row.pk).exists()


def test_both_parts_arrive_in_any_script(settings: LazySettings, queued: OutgoingMail) -> None:
    with relay(settings, TAKES) as server:
        assert mail.deliver(queued.pk) is True
    (message,) = server.offered
    parts = {part.get_content_type(): part.get_content() for part in message.iter_parts()}
    assert message["Subject"] == "Grüße"
    assert parts["text/plain"].strip() == "Plain नमस्ते"
    assert parts["text/html"].strip() == "<p>Rich नमस्ते</p>"
    assert not is_queued(queued)


def test_a_blind_copy_is_sent_and_not_told(settings: LazySettings, queued: OutgoingMail) -> None:
    with relay(settings, TAKES) as server:
        mail.deliver(queued.pk)
    assert server.recipients == ["<lea@example.org>", "<bo@example.org>"]
    assert b"bo@example.org" not in server.offered[0].as_bytes()


def test_a_mail_refused_for_now_goes_out_later_under_the_same_message_id(
    settings: LazySettings, queued: OutgoingMail
) -> None:
    with relay(settings, b"451 greylisted, come again", TAKES) as server:
        with pytest.raises(OSError, match="greylisted"):
            mail.deliver(queued.pk)
        assert is_queued(queued)
        assert mail.deliver(queued.pk) is True
    first, second = server.offered
    assert first["Message-ID"] == second["Message-ID"] is not None
    assert not is_queued(queued)


def test_a_refusal_is_noted_on_the_mail(settings: LazySettings, queued: OutgoingMail) -> None:
    with relay(settings, b"451 greylisted, come again"), pytest.raises(OSError, match="451"):
        mail.deliver(queued.pk)
    queued.refresh_from_db()
    assert queued.error.startswith("SMTPDataError")
    assert "greylisted" in queued.error


def test_a_relay_that_hangs_is_given_up_and_tried_again(
    settings: LazySettings, queued: OutgoingMail
) -> None:
    settings.EMAIL_TIMEOUT = 0.3
    with relay(settings, b"", TAKES) as server:
        with pytest.raises(OSError, match="timed out"):
            mail.deliver(queued.pk)
        assert is_queued(queued)
        assert mail.deliver(queued.pk) is True
    assert len({message["Message-ID"] for message in server.offered}) == 1


def test_a_relay_that_hangs_up_leaves_the_mail_queued(
    settings: LazySettings, queued: OutgoingMail
) -> None:
    with (
        relay(settings, b"421 closing") as server,
        pytest.raises(OSError, match="421"),
    ):
        mail.deliver(queued.pk)
    assert len(server.offered) == 1
    assert is_queued(queued)


@pytest.mark.parametrize("error", [TimeoutError(), ConnectionRefusedError()])
def test_every_failure_of_a_relay_is_tried_again(error: OSError) -> None:
    assert MAIL_RETRIES.retry_exceptions is not None
    assert isinstance(error, tuple(MAIL_RETRIES.retry_exceptions))


def test_mail_waits_for_a_relay_no_longer_than_a_worker_has_patience(
    settings: LazySettings,
) -> None:
    assert 0 < settings.EMAIL_TIMEOUT <= 20
