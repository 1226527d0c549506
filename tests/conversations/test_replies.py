"""Answers that come by mail."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from email.message import EmailMessage, Message
from uuid import UUID

import pytest
from django.conf import LazySettings
from django.conf import settings as site
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import DjangoDbBlocker

from matricula.accounts.models import Person
from matricula.flows import replies, support
from matricula.flows.replies import Outcome
from matricula.kernel import foreign_mail
from matricula.kernel.ids import new_id
from matricula.notifications import bounces
from matricula.notifications.models import Delivery
from matricula.support import mail, queries
from matricula.support.addresses import address_of
from matricula.support.rules import LONGEST_MESSAGE
from matricula.support.states import Author, Channel
from tests.conversations.conftest import asked
from tests.support.crowds import django_on
from tests.support.databases import site_environment
from tests.support.factories import make_person

OURS = "support@site.example"


@pytest.fixture(autouse=True)
def takes_replies(settings: LazySettings) -> None:
    known = replace(settings.ENVIRONMENT.mail, reply_address=OURS)
    settings.ENVIRONMENT = replace(settings.ENVIRONMENT, mail=known)


@pytest.fixture
def talk(asker: Person) -> UUID:
    return asked(asker)


def a_reply(sender: str, to: str, text: str = "It works now.", **headers: str) -> bytes:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = f"Asa <{sender}>", to, "Re: It is broken"
    message["Message-ID"] = "<1@mailer.example>"
    for name, value in headers.items():
        message[name.replace("_", "-")] = value
    message.set_content(text)
    return message.as_bytes()


def written(talk: UUID) -> list[str]:
    return [one.content for one in queries.messages_of(talk) if one.author is Author.PERSON][1:]


def test_an_answer_by_mail_goes_into_its_conversation_once(
    asker: Person, staff: Person, talk: UUID
) -> None:
    Delivery.objects.all().delete()
    support.answer(talk, staff.pk, "Try again, please.")
    letter = Delivery.objects.get()
    assert letter.content is not None
    assert letter.content["headers"]["Auto-Submitted"] == "no"
    to = letter.content["headers"]["Reply-To"]
    quoted = "\n".join(f"> {line}" for line in letter.content["text"].split("\n"))
    raw = a_reply(asker.email, to, f"It works now.\nThanks!\n\nOn Monday support wrote:\n{quoted}")
    assert [replies.receive(raw), replies.receive(raw)] == [Outcome.WRITTEN] * 2
    assert written(talk) == ["It works now.\nThanks!"]
    assert queries.messages_of(talk)[-1].channel == Channel.MAIL


def test_the_answer_of_a_guest_comes_from_the_address_they_gave(db: None) -> None:
    support.ask_as_guest("Gast@example.org", "Gast", support.Question("Help", Channel.FORM))
    letter = Delivery.objects.latest("pk")
    assert letter.content is not None
    assert "You can also answer this mail" in letter.content["text"]
    raw = a_reply("gast@EXAMPLE.org", letter.content["headers"]["Reply-To"])
    assert replies.receive(raw) is Outcome.WRITTEN


def test_whoever_writes_from_another_address_is_not_taken_for_the_person(
    talk: UUID, asker: Person
) -> None:
    raw = a_reply("mallory@example.org", address_of(talk))
    assert replies.receive(raw) is Outcome.NOT_THEIRS
    both = a_reply(asker.email, address_of(talk)).replace(b"From: ", b"From: m@x.org, ", 1)
    assert replies.receive(both) is Outcome.NOT_THEIRS
    assert written(talk) == []


def test_an_address_that_is_not_signed_by_us_takes_nothing(talk: UUID, asker: Person) -> None:
    good = address_of(talk)
    token = good.partition("@")[0].partition("+")[2]
    forged = [
        OURS,
        good.replace(token, token[:-1] + ("a" if token[-1] != "a" else "b")),
        good.replace(token, token[:26]),
        good.replace("site.example", "elsewhere.example"),
        f"support+{address_of(make_person().pk).partition('+')[2]}",
    ]
    assert {replies.receive(a_reply(asker.email, to)) for to in forged} == {Outcome.UNKNOWN}


@pytest.mark.parametrize(
    "headers",
    [
        {"Auto_Submitted": "auto-replied"},
        {"Auto_Submitted": "auto-generated (vacation)"},
        {"Precedence": "bulk"},
        {"List_Id": "<all.example.org>"},
        {"Return_Path": "<>"},
    ],
)
def test_what_a_program_wrote_is_passed_over(
    talk: UUID, asker: Person, headers: dict[str, str]
) -> None:
    raw = a_reply(asker.email, address_of(talk), **headers)
    assert replies.receive(raw) is Outcome.AUTOMATIC
    assert written(talk) == []


def test_a_quotation_alone_is_nothing_new(talk: UUID, asker: Person) -> None:
    raw = a_reply(asker.email, address_of(talk), "> Try again\n> please\n")
    assert replies.receive(raw) is Outcome.EMPTY


def test_the_envelope_says_whom_a_blind_copy_is_for(talk: UUID, asker: Person) -> None:
    raw = a_reply(asker.email, "somebody@else.example")
    assert replies.receive(raw, address_of(talk).upper()) is Outcome.WRITTEN


def test_html_alone_is_read_and_files_are_named(talk: UUID, asker: Person) -> None:
    message = EmailMessage()
    message["From"], message["To"] = asker.email, address_of(talk)
    message.set_content(
        "<style>p{}</style><p>Is 1 &lt; 2?</p><p>Yes</p><blockquote>"
        f"{mail.MARKER} old</blockquote>",
        subtype="html",
    )
    message.add_attachment(b"x", maintype="image", subtype="png", filename="proof.png")
    assert replies.receive(message.as_bytes()) is Outcome.WRITTEN
    assert written(talk) == ["Is 1 < 2?\nYes\n[proof.png]"]


@given(raw=st.binary(max_size=300), text=st.text(max_size=60))
def test_no_mail_whatever_it_holds_breaks_the_reader(raw: bytes, text: str) -> None:
    head = (
        b"Content-Type: text/plain; charset=x-unknown\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    )
    for given_ in (raw, head + raw, text.encode("utf-8", "surrogatepass")):
        mail.read_head(given_, text)
        found = mail.read_text(given_)
        assert len(found) <= LONGEST_MESSAGE
        assert "\x00" not in found


@pytest.mark.parametrize(
    "raw",
    [
        b"From: " + b"(" * 4000 + b"\n\nx",
        b"Content-Type: message/rfc822\n\n" * 3000,
        b"".join(
            b"Content-Type: multipart/mixed; boundary=%d\n\n--%d\n" % (n, n) for n in range(99)
        ),
        b'Content-Type: multipart/mixed; boundary="' + b";" * 250_000 + b"\n\nx",
        b"Content-Type: text/plain; charset=punycode\n\n" + b"a-" * 100_000,
        b"Content-Type: text/html\n\n" + b"<style>" * 16_000,
        b"Content-Type: text/html\n\n" + b"<!--" * 60_000,
        b"Content-Type: text/html\n\n" + b"<div>" * 50_000,
    ],
    ids=["comments", "mails", "parts", "boundary", "punycode", "style", "comment", "depth"],
)
def test_a_mail_made_to_keep_the_reader_busy_is_read_as_nothing_or_little(raw: bytes) -> None:
    assert mail.read_head(raw).senders == ()
    assert len(mail.read_text(raw)) <= LONGEST_MESSAGE
    assert bounces.read_report(raw) is None


def test_no_body_is_parsed_before_recipient_and_sender_are_known(
    talk: UUID, asker: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    parsed: list[bytes] = []
    read_whole = foreign_mail.read_whole

    def recorded(raw: bytes) -> Message | None:
        parsed.append(raw)
        return read_whole(raw)

    monkeypatch.setattr(foreign_mail, "read_whole", recorded)
    assert replies.receive(a_reply(asker.email, OURS)) is Outcome.UNKNOWN
    assert replies.receive(a_reply("m@example.org", address_of(talk))) is Outcome.NOT_THEIRS
    assert parsed == []
    good = a_reply(asker.email, address_of(talk))
    assert replies.receive(good) is Outcome.WRITTEN
    assert parsed == [good]


def test_a_field_that_is_too_long_counts_as_empty_not_as_cut_off() -> None:
    short = b"From: a@x.example\n\n"
    long = b"From: a@x.example," + b" " * foreign_mail.MAX_FIELD_LETTERS + b"b@x.example\n\n"
    assert mail.read_head(short).senders == ("a@x.example",)
    assert mail.read_head(long).senders == ()
    filled = b"X: y\n" * foreign_mail.MAX_HEAD_BYTES + short
    assert mail.read_head(filled).senders == ()


def test_only_the_beginning_of_a_long_mail_is_parsed() -> None:
    message = foreign_mail.read_whole(b"From: a@x.example\n\n" + b"x" * 9_000_000)
    assert message is not None
    assert len(message.get_payload()) < foreign_mail.MAX_BYTES


def test_a_very_long_answer_is_shortened(talk: UUID, asker: Person) -> None:
    raw = a_reply(asker.email, address_of(talk), "long words " * 900)
    assert replies.receive(raw) is Outcome.WRITTEN
    assert written(talk)[0].endswith("[…]")


def test_a_mail_service_brings_answers_too(
    settings: LazySettings, talk: UUID, asker: Person
) -> None:
    known = replace(settings.ENVIRONMENT.mail, service="postmark", webhook_secret="s" * 20)
    settings.ENVIRONMENT = replace(settings.ENVIRONMENT, mail=known)
    settings.ANYMAIL = {"WEBHOOK_SECRET": f"matricula:{'s' * 20}"}
    to = address_of(talk)
    body = {
        "FromFull": {"Email": asker.email, "Name": "Asa"},
        "ToFull": [{"Email": to, "Name": ""}],
        "OriginalRecipient": to,
        "Subject": "Re: broken",
        "MessageID": "22c74902",
        "TextBody": "By Postmark.",
        "Headers": [{"Name": "Message-ID", "Value": "<2@mailer.example>"}],
    }
    answer = Client().post(
        "/webhooks/mail/postmark/inbound/",
        body,
        content_type="application/json",
        HTTP_AUTHORIZATION="Basic bWF0cmljdWxhOnNzc3Nzc3Nzc3Nzc3Nzc3Nzc3Nz",
    )
    assert answer.status_code == 200
    assert written(talk) == ["By Postmark."]


def mail_in(url: str, raw: bytes, recipient: str) -> tuple[int, str]:
    """The code that the command ends with, and what it says."""
    environ = {
        **os.environ,
        **site_environment(url),
        "MATRICULA_SECRET_KEY": site.SECRET_KEY,
        "MATRICULA_REPLY_ADDRESS": OURS,
    }
    done = subprocess.run(
        [sys.executable, "-m", "matricula.cli", "mail-in", "--recipient", recipient],
        env=environ,
        input=raw,
        capture_output=True,
        check=False,
    )
    return done.returncode, done.stdout.decode().strip()


def test_the_command_answers_with_codes_that_mail_servers_know(
    fresh_database: str, django_db_blocker: DjangoDbBlocker
) -> None:
    with django_db_blocker.unblock(), django_on(fresh_database):
        ours = address_of(asked(make_person()))
    unknown = mail_in(fresh_database, a_reply("asa@example.org", OURS), "other@site.example")
    assert unknown == (os.EX_NOUSER, Outcome.UNKNOWN.value)
    foreign = mail_in(fresh_database, a_reply("mallory@example.org", ours), ours)
    assert foreign == (os.EX_NOPERM, Outcome.NOT_THEIRS.value)


def test_a_mail_that_comes_while_the_database_is_away_is_to_be_tried_again() -> None:
    away = "postgresql://nobody@127.0.0.1:9/nothing"
    code, said = mail_in(away, a_reply("asa@example.org", address_of(new_id())), "")
    assert (code, said.split(":")[0]) == (os.EX_TEMPFAIL, "try again later")
