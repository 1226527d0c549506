"""A letter of each kind, through a real mail server: its heads, its parts, and where it leads."""

from __future__ import annotations

import re
from email.message import EmailMessage
from html import unescape
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
from django.conf import LazySettings
from django.db.models.functions import Now
from django.test import Client
from django.urls import resolve
from django.utils import translation

from matricula.flows.letters import samples
from matricula.notifications import actions, sending
from matricula.notifications.actions import Recipient, Saying
from matricula.notifications.models import Delivery
from matricula.notifications.states import DeliveryState
from tests.support.factories import make_person
from tests.support.relays import relay

pytestmark = pytest.mark.django_db
UNDER_THE_BELL_ALONE = {"waitlist_skipped"}
_LINK = re.compile(r'href="([^"]+)"')


@pytest.fixture(autouse=True)
def _true_of_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """The samples are about nobody: whether they are still true is asked in other tests."""
    for kind in sending._still_true:
        monkeypatch.setitem(sending._still_true, kind, lambda _row: True)


def mailed(settings: LazySettings, language: str) -> dict[str, EmailMessage]:
    """What a mail server got, by kind."""
    Delivery.objects.all().delete()
    reader = make_person(full_name="Lea", language=language)
    with translation.override(language):
        for kind, letter in samples.letters().items():
            actions.say(
                [Saying(kind, uuid4(), Recipient(reader.pk, reader.email, language), letter)]
            )
    Delivery.objects.update(due_at=Now())
    kinds = {row.message_id_header: row.kind for row in Delivery.objects.all()}
    with relay(settings) as server:
        while sending.send_due():
            pass
    assert not Delivery.objects.exclude(state=DeliveryState.SENT).exists()
    return {kinds[message["Message-ID"]]: message for message in server.offered}


def addresses(message: EmailMessage) -> set[str]:
    (html,) = (
        part.get_content() for part in message.walk() if part.get_content_type() == "text/html"
    )
    return {unescape(address) for address in _LINK.findall(html)}


@pytest.mark.parametrize("language", ["en", "ar"])
def test_each_kind_arrives_whole(settings: LazySettings, language: str) -> None:
    found = mailed(settings, language)
    assert samples.letters().keys() - found.keys() == UNDER_THE_BELL_ALONE
    for kind, message in found.items():
        for head in ("From", "To", "Date", "Message-ID", "Auto-Submitted"):
            assert message[head], (kind, head)
        media = {part.get_content_type() for part in message.walk()}
        assert {"text/plain", "text/html"} <= media, kind
        (text, html) = (
            part.get_content()
            for part in message.walk()
            if part.get_content_type() in {"text/plain", "text/html"}
        )
        assert f'lang="{language}"' in html, kind
        assert bool(re.search("[\u0600-\u06ff]", text)) == (language == "ar"), kind


def test_each_link_leads_to_a_page_of_ours(settings: LazySettings) -> None:
    ours = urlsplit(settings.ENVIRONMENT.base_url).netloc
    somebody = Client(HTTP_HOST="127.0.0.1", raise_request_exception=False)
    somebody.force_login(make_person())
    seen = set()
    for kind, message in mailed(settings, "en").items():
        links = addresses(message)
        assert links, kind
        for link in links:
            parts = urlsplit(link)
            assert parts.netloc == ours, (kind, link)
            resolve(parts.path)
            seen.add(parts.path)
    for path in seen:
        # The samples are about nobody: a page of theirs is nobody's, or asks to sign in.
        assert somebody.get(path).status_code in {200, 302, 303, 403, 404}, path
