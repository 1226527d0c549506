"""Mail through a mail service: sent by its API, and its news about the mail heard."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from django.conf import LazySettings
from django.test import Client

from matricula.accounts.models import Person
from matricula.config import mail
from matricula.notifications import sending
from matricula.notifications.models import Delivery, SuppressedAddress
from matricula.notifications.states import DeliveryState
from tests.notifications.conftest import Say
from tests.webhooks.receivers import Receiver, answering, running_receiver

pytestmark = [
    pytest.mark.django_db,
    # It works, but django-anymail's authors have no account any more to try it with.
    pytest.mark.filterwarnings("ignore:django-anymail has dropped official support for SendGrid"),
]

SECRET = "0123456789abcdef0123"
URLS = {
    "ses": "ses://AKIDEXAMPLE:wJalr%2Fsecret@eu-west-1",
    "mailgun": "mailgun://key-1@mg.example.org?region=eu&signing_key=sign-1",
    "postmark": "postmark://token-1@",
    "sendgrid": "sendgrid://SG.one@",
    "brevo": "brevo://xkeysib-one@",
}


def use(settings: LazySettings, service: str, secret: str = SECRET) -> None:
    """As if EMAIL_URL named the service."""
    environ = {"EMAIL_URL": URLS[service], "MATRICULA_MAIL_WEBHOOK_SECRET": secret}
    known = mail.read(environ, demo=False)
    settings.ENVIRONMENT = replace(settings.ENVIRONMENT, mail=known)
    settings.ANYMAIL = mail.service_settings(known)
    settings.MAIL_TRANSPORT = f"anymail.backends.{mail.SERVICES[service]}.EmailBackend"


# --- what services say, in the shapes of their documentation ----------------------------------


def of_ses(kind: str, row: Delivery) -> tuple[Any, dict[str, str]]:
    told: dict[str, Any] = {
        "bounce": {
            "eventType": "Bounce",
            "bounce": {
                "bounceType": "Permanent",
                "bounceSubType": "General",
                "bouncedRecipients": [
                    {"emailAddress": row.address, "diagnosticCode": "smtp; 550 5.1.1 unknown"}
                ],
            },
        },
        "complaint": {
            "eventType": "Complaint",
            "complaint": {
                "complainedRecipients": [{"emailAddress": row.address}],
                "complaintFeedbackType": "abuse",
            },
        },
        "delivery": {
            "eventType": "Delivery",
            "delivery": {"recipients": [row.address], "smtpResponse": "250 ok"},
        },
    }[kind]
    headers = [{"name": "X-Metadata", "value": json.dumps({"delivery": str(row)})}]
    told["mail"] = {"messageId": "0102", "destination": [row.address], "headers": headers}
    said = {"Type": "Notification", "MessageId": "m-1", "Message": json.dumps(told)}
    return said, {
        "HTTP_X_AMZ_SNS_MESSAGE_TYPE": "Notification",
        "HTTP_X_AMZ_SNS_MESSAGE_ID": "m-1",
    }


def of_mailgun(kind: str, row: Delivery) -> tuple[Any, dict[str, str]]:
    signature = hmac.new(b"sign-1", b"1700000000token-1", hashlib.sha256).hexdigest()
    told: dict[str, Any] = {
        "bounce": {"event": "failed", "severity": "permanent", "reason": "bounce"},
        "complaint": {"event": "complained"},
        "delivery": {"event": "delivered"},
    }[kind]
    told |= {"recipient": row.address, "user-variables": {"delivery": str(row)}}
    proof = {"timestamp": "1700000000", "token": "token-1", "signature": signature}
    return {"signature": proof, "event-data": told}, {}


def of_postmark(kind: str, row: Delivery) -> tuple[Any, dict[str, str]]:
    told: dict[str, Any] = {
        "bounce": {"RecordType": "Bounce", "Type": "HardBounce", "Email": row.address},
        "complaint": {"RecordType": "SpamComplaint", "Type": "SpamComplaint", "Email": row.address},
        "delivery": {"RecordType": "Delivery", "Recipient": row.address},
    }[kind]
    return told | {"ID": 42, "MessageID": "883953f4", "Metadata": {"delivery": str(row)}}, {}


def of_sendgrid(kind: str, row: Delivery) -> tuple[Any, dict[str, str]]:
    told: dict[str, Any] = {
        "bounce": {"event": "bounce", "type": "bounce", "reason": "550 no such user"},
        "complaint": {"event": "spamreport"},
        "delivery": {"event": "delivered", "response": "250 OK"},
    }[kind]
    return [told | {"email": row.address, "timestamp": 1700000000, "delivery": str(row)}], {}


def of_brevo(kind: str, row: Delivery) -> tuple[Any, dict[str, str]]:
    event = {"bounce": "hard_bounce", "complaint": "spam", "delivery": "delivered"}[kind]
    custom = json.dumps({"delivery": str(row)})
    told = {"event": event, "email": row.address, "message-id": "<1@brevo>"}
    return told | {"ts_epoch": 1700000000000, "X-Mailin-custom": custom}, {}


Telling = Callable[[str, Delivery], tuple[Any, dict[str, str]]]
TELLING: dict[str, Telling] = {
    "ses": of_ses,
    "mailgun": of_mailgun,
    "postmark": of_postmark,
    "sendgrid": of_sendgrid,
    "brevo": of_brevo,
}
services = pytest.mark.parametrize("service", TELLING)


def tell(service: str, body: Any, headers: dict[str, str], secret: str = SECRET) -> int:
    proof = base64.b64encode(f"matricula:{secret}".encode()).decode()
    answer = Client().post(
        f"/webhooks/mail/{service}/tracking/",
        body if isinstance(body, str) else json.dumps(body),
        content_type="application/json",
        HTTP_AUTHORIZATION=f"Basic {proof}",
        **headers,  # type: ignore[arg-type]
    )
    return answer.status_code


def sent(say: Say, kind: str = "course_starting") -> Delivery:
    row = say(kind)
    Delivery.objects.filter(pk=row.pk).update(
        state=DeliveryState.SENT, content=None, sent_at=row.created_at
    )
    row.refresh_from_db()
    return row


@services
def test_a_bounce_is_noted_and_ends_mail_to_the_address(
    settings: LazySettings, say: Say, service: str
) -> None:
    use(settings, service)
    row = sent(say)
    assert tell(service, *TELLING[service]("bounce", row)) == 200
    row.refresh_from_db()
    assert row.state == DeliveryState.BOUNCED
    assert SuppressedAddress.objects.get(address=row.address).reason == "bounce"


@services
def test_a_complaint_is_noted(settings: LazySettings, say: Say, service: str) -> None:
    use(settings, service)
    row = sent(say)
    assert tell(service, *TELLING[service]("complaint", row)) == 200
    row.refresh_from_db()
    assert row.state == DeliveryState.COMPLAINED
    assert SuppressedAddress.objects.get(address=row.address).reason == "complaint"


@services
def test_an_arrival_is_noted(settings: LazySettings, say: Say, service: str) -> None:
    use(settings, service)
    row = sent(say)
    assert tell(service, *TELLING[service]("delivery", row)) == 200
    row.refresh_from_db()
    assert row.state == DeliveryState.SENT
    assert row.delivered_at is not None


@services
def test_news_without_the_secret_is_refused(settings: LazySettings, say: Say, service: str) -> None:
    use(settings, service)
    row = sent(say)
    body, headers = TELLING[service]("bounce", row)
    assert tell(service, body, headers, secret="guessed") == 400
    row.refresh_from_db()
    assert row.state == DeliveryState.SENT


@services
@pytest.mark.parametrize("body", ["", "x", "null", "[]", "{}", '{"event-data": 1}', "[1]"])
def test_what_cannot_be_read_is_refused_and_breaks_nothing(
    settings: LazySettings, service: str, body: str
) -> None:
    use(settings, service)
    # Postmark and Brevo take a body without an event for one of a kind that says nothing.
    assert tell(service, body, {}) in {200, 400}


def test_mailgun_without_its_signature_is_refused(settings: LazySettings, say: Say) -> None:
    use(settings, "mailgun")
    body, headers = of_mailgun("bounce", sent(say))
    body["signature"]["signature"] = "0" * 64
    assert tell("mailgun", body, headers) == 400


@pytest.mark.parametrize(("configured", "secret"), [("brevo", SECRET), ("postmark", "")])
def test_only_the_service_in_use_is_listened_to_and_only_with_a_secret_set(
    settings: LazySettings, say: Say, configured: str, secret: str
) -> None:
    use(settings, configured, secret)
    assert tell("postmark", *of_postmark("bounce", sent(say))) == 404


@pytest.mark.parametrize(
    ("service", "changed"),
    [
        ("postmark", {"Type": "SoftBounce"}),
        ("brevo", {"event": "soft_bounce"}),
    ],
)
def test_a_full_mailbox_silences_nobody(
    settings: LazySettings, say: Say, service: str, changed: dict[str, str]
) -> None:
    use(settings, service)
    row = sent(say)
    body, headers = TELLING[service]("bounce", row)
    assert tell(service, body | changed, headers) == 200
    row.refresh_from_db()
    assert row.state == DeliveryState.BOUNCED
    assert not SuppressedAddress.objects.filter(address=row.address).exists()


def test_news_about_another_address_silences_nobody(
    settings: LazySettings, say: Say, reader: Person
) -> None:
    use(settings, "postmark")
    body, headers = of_postmark("bounce", sent(say))
    assert tell("postmark", body | {"Email": "victim@example.org"}, headers) == 200
    assert not SuppressedAddress.objects.exists()


# --- sending ----------------------------------------------------------------------------------

ACCEPTED = answering(
    200, b'{"To": "x@y.z", "MessageID": "1", "ErrorCode": 0, "Message": "OK"}',
    Content_Type="application/json",
)  # fmt: skip


def send_through_postmark(settings: LazySettings, receiver: Receiver) -> None:
    use(settings, "postmark")
    settings.ANYMAIL = {**settings.ANYMAIL, "POSTMARK_API_URL": receiver.url}
    sending.send_due()


def test_a_service_gets_both_parts_the_headers_and_what_names_the_mail(
    settings: LazySettings, say: Say
) -> None:
    Delivery.objects.all().delete()
    row = say("course_starting")
    with running_receiver() as receiver:
        receiver.behaviours.append(ACCEPTED)
        send_through_postmark(settings, receiver)
    (call,) = receiver.calls
    told = json.loads(call.body)
    assert call.headers["x-postmark-server-token"] == "token-1"
    assert told["To"] == row.address
    assert told["Metadata"] == {"delivery": str(row)}
    headers = {one["Name"]: one["Value"] for one in told["Headers"]}
    assert headers["Message-ID"] == row.message_id_header
    assert headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert "नमस्ते" in told["TextBody"]
    assert "عربي" in told["HtmlBody"]
    row.refresh_from_db()
    assert row.state == DeliveryState.SENT


@pytest.mark.parametrize(
    ("status", "state"),
    [
        (422, DeliveryState.FAILED),
        (401, DeliveryState.QUEUED),
        (429, DeliveryState.QUEUED),
        (500, DeliveryState.QUEUED),
    ],
)
def test_a_refusal_of_a_service_fails_visibly_or_is_tried_again(
    settings: LazySettings, say: Say, status: int, state: DeliveryState
) -> None:
    Delivery.objects.all().delete()
    row = say()
    body = b'{"ErrorCode": 300, "Message": "no"}'
    with running_receiver() as receiver:
        receiver.behaviours.append(answering(status, body, Content_Type="application/json"))
        send_through_postmark(settings, receiver)
    row.refresh_from_db()
    assert row.state == state
    assert row.error
    assert row.address not in row.error
