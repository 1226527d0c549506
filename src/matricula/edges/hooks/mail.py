"""`POST /webhooks/mail/<service>/tracking/` and `/inbound/`: what a mail service tells us.

django-anymail's own views check who speaks and read each service's words; what they understood is
acted on here. Only the service that mail goes through (EMAIL_URL) is listened to, and only with the
secret in its address (MATRICULA_MAIL_WEBHOOK_SECRET); Mailgun signs beside that.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import structlog
from anymail.exceptions import (
    AnymailAPIError,
    AnymailConfigurationError,
    AnymailWebhookValidationFailure,
)
from anymail.signals import AnymailInboundEvent, AnymailTrackingEvent, EventType, RejectReason
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.module_loading import import_string
from django.views.decorators.csrf import csrf_exempt

from matricula.edges import problems
from matricula.flows import replies
from matricula.kernel import ids
from matricula.kernel.errors import DomainError, MalformedRequest, MethodNotAllowed, NotFound
from matricula.notifications import bounces
from matricula.notifications.bounces import Report
from matricula.payments.errors import SignatureInvalid

log = structlog.get_logger(__name__)

# Loaded when a service speaks: most sites have none of them.
_VIEWS = {
    "ses": "anymail.webhooks.amazon_ses.AmazonSES{}WebhookView",
    "mailgun": "anymail.webhooks.mailgun.Mailgun{}WebhookView",
    "postmark": "anymail.webhooks.postmark.Postmark{}WebhookView",
    "sendgrid": "anymail.webhooks.sendgrid.SendGrid{}WebhookView",
    "brevo": "anymail.webhooks.brevo.Brevo{}WebhookView",
}
# What a body that is not the service's makes its reader stumble over.
_UNREADABLE = (
    AnymailAPIError,
    AnymailConfigurationError,
    AttributeError,
    LookupError,
    TypeError,
    ValueError,
)
# Why a service refused a mail that it will refuse again.
_NO_ADDRESS = frozenset({RejectReason.INVALID, RejectReason.BOUNCED})


class _Heard(list[Any]):
    """Takes the place of anymail's signal: what was understood is acted on in plain sight."""

    def send(self, sender: object, event: object, esp_name: str) -> None:  # noqa: ARG002
        self.append(event)


@csrf_exempt
def track(request: HttpRequest, service: str) -> HttpResponse:
    """What became of mail: taken, bounced, complained about."""
    return _receive(request, service, "Tracking", _act)


@csrf_exempt
def take(request: HttpRequest, service: str) -> HttpResponse:
    """Mail that came in: a reply to one of ours."""
    return _receive(request, service, "Inbound", _take)


def _receive(
    request: HttpRequest, service: str, kind: str, act: Callable[[Any], None]
) -> HttpResponse:
    """200 once it is acted on; 400 without the secret, or for what cannot be read; a 5xx if we
    could not act, so that the service says it again."""
    try:
        response, heard = _hear(request, service, kind)
        _act_on_each(heard, act)
    except DomainError as error:
        return problems.respond(error)
    return response


def _act_on_each(heard: Sequence[Any], act: Callable[[Any], None]) -> None:
    """Acts on every event; one that fails keeps no other from it. Then the first failure is raised,
    so that the service tells it again: what was done already is not done twice."""
    failed: list[Exception] = []
    for event in heard:
        try:
            act(event)
        except Exception as error:  # noqa: BLE001 - raised below, once the others are done
            failed.append(error)
    if failed:
        raise failed[0]


def _hear(request: HttpRequest, service: str, kind: str) -> tuple[HttpResponse, _Heard]:
    mail = settings.ENVIRONMENT.mail
    if service != mail.service or not mail.webhook_secret:
        raise NotFound
    if request.method not in {"POST", "HEAD"}:
        raise MethodNotAllowed
    heard = _Heard()
    view = import_string(_VIEWS[service].format(kind)).as_view(signal=heard)
    try:
        response: HttpResponse = view(request)
    except AnymailWebhookValidationFailure as error:
        raise SignatureInvalid from error
    except _UNREADABLE as error:
        log.warning("mail_webhook_unreadable", service=service, error=type(error).__name__)
        raise MalformedRequest("This cannot be read as news from the service.") from error
    return response, heard


def _act(event: AnymailTrackingEvent) -> None:
    """What is about no mail of ours, or says nothing that matters, is passed over."""
    try:
        delivery_id = ids.from_text("dlv", str((event.metadata or {}).get("delivery", "")))
    except NotFound:
        return
    address = str(event.recipient or "").replace("\x00", "")
    if event.event_type == EventType.DELIVERED:
        bounces.note_arrival(delivery_id, address)
        return
    is_complaint = event.event_type == EventType.COMPLAINED
    is_refused = event.event_type == EventType.REJECTED and event.reject_reason in _NO_ADDRESS
    if is_complaint or is_refused or event.event_type == EventType.BOUNCED:
        said = event.mta_response or event.description or event.reject_reason or event.event_type
        detail = str(said).replace("\x00", "")
        is_final = is_complaint or not _is_passing(event)
        report = Report("", address, is_complaint, detail, is_final, delivery_id)
        if address:
            bounces.record(report)


def _is_passing(event: AnymailTrackingEvent) -> bool:
    """Whether the address may take other mail: anymail tells these apart no further, the services
    do, each in its words. See "bounceType" (SES), "Type" (Postmark), "event" (Brevo), "type"
    (SendGrid)."""
    said = event.esp_event if isinstance(event.esp_event, dict) else {}
    bounce = said.get("bounce")
    if isinstance(bounce, dict) and bounce.get("bounceType", "Permanent") != "Permanent":
        return True
    return (
        said.get("Type") == "SoftBounce"
        or said.get("event") == "soft_bounce"
        or said.get("type") == "blocked"
    )


def _take(event: AnymailInboundEvent) -> None:
    message = event.message
    outcome = replies.receive(message.as_bytes(), str(message.envelope_recipient or ""))
    log.info("mail_came_in", outcome=outcome.value)
