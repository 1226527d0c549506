"""Mail that others write is queued with what wants it."""

from __future__ import annotations

import pytest
from django.core.mail import EmailMessage, EmailMultiAlternatives, get_connection
from django.db import transaction

from matricula.notifications.actions import AUTOMATIC
from matricula.notifications.models import Delivery
from matricula.notifications.states import DeliveryState

pytestmark = pytest.mark.django_db


def queue(message: EmailMessage) -> list[Delivery]:
    before = set(Delivery.objects.values_list("pk", flat=True))
    assert get_connection("matricula.notifications.mail.Backend").send_messages([message]) == 1
    return list(Delivery.objects.exclude(pk__in=before).order_by("address"))


def test_mail_is_queued_whole_and_due_at_once() -> None:
    message = EmailMultiAlternatives(
        "Grüße", "Plain नमस्ते", to=["lea@example.org"], headers={"X-Kind": "a"}
    )
    message.attach_alternative("<p>Rich</p>", "text/html")
    (row,) = queue(message)
    assert row.state == DeliveryState.QUEUED
    assert (row.subject, row.address) == ("Grüße", "lea@example.org")
    assert row.content == {
        "text": "Plain नमस्ते",
        "html": "<p>Rich</p>",
        "headers": {**AUTOMATIC, "X-Kind": "a"},
        "attachments": [],
    }


def test_a_text_without_html_gets_the_design_of_all_mail() -> None:
    (row,) = queue(
        EmailMessage("Hello", "One\n\nOpen https://example.org/a?b=1&c=2", to=["a@b.org"])
    )
    assert row.content is not None
    assert 'href="https://example.org/a?b=1&amp;c=2"' in row.content["html"]
    assert "<h1" in row.content["html"]
    assert "One" in row.content["html"]


def test_a_text_is_never_read_as_markup() -> None:
    (row,) = queue(EmailMessage("Hello", "<script>alert(1)</script>", to=["a@b.org"]))
    assert row.content is not None
    assert "<script" not in row.content["html"]


def test_each_recipient_is_a_mail_of_its_own() -> None:
    rows = queue(EmailMessage("Hello", "x", to=["a@b.org"], bcc=["c@d.org"]))
    assert [row.address for row in rows] == ["a@b.org", "c@d.org"]
    assert len({row.message_id_header for row in rows}) == 2


def test_a_message_id_of_the_callers_own_is_kept() -> None:
    message = EmailMessage("Hello", "x", to=["a@b.org"], headers={"Message-ID": "<own@b.org>"})
    (row,) = queue(message)
    assert row.message_id_header == "<own@b.org>"
    assert row.content is not None
    assert row.content["headers"] == AUTOMATIC


def test_a_kind_may_be_named_and_an_unknown_one_is_passed_over() -> None:
    named = EmailMessage("x", "x", to=["a@b.org"], headers={"X-Matricula-Kind": "account"})
    wrong = EmailMessage("x", "x", to=["a@b.org"], headers={"X-Matricula-Kind": "nonsense"})
    assert [queue(named)[0].kind, queue(wrong)[0].kind] == ["account", "other"]


def test_mail_of_an_undone_transaction_is_not_sent() -> None:
    before = Delivery.objects.count()
    with transaction.atomic():
        queue(EmailMessage("x", "x", to=["a@b.org"]))
        transaction.set_rollback(True)
    assert Delivery.objects.count() == before
