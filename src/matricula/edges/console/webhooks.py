"""Webhooks as they came, and a sample of those whose signature was wrong."""

# ruff: noqa: ARG002 - overrides keep the parameters that Django's admin gives them

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.admin.utils import unquote
from django.db.models import Model
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.safestring import SafeString
from unfold.decorators import action

from matricula.edges.console import references
from matricula.edges.console.base import ReadOnlyAdmin, column
from matricula.edges.console.payments import MoneyAdmin
from matricula.payments import inbox
from matricula.payments.models import InboxEvent, RejectedWebhook


class InboxAdmin(MoneyAdmin):
    """Webhooks, as they came."""

    list_display = ("event_id", "type", "state", "tries", "received")
    list_filter = ("state",)
    search_fields = ("id",)
    search_help_text = "The event's id"
    ordering = ("-id",)
    gateway_id = "event_id"
    actions_detail = ("replay",)
    fields = (
        "provider",
        "event_id",
        "type",
        "state",
        "tries",
        "error",
        "headers",
        "body_shown",
        ("received_at", "handled_at", "next_try_at"),
    )

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> Any:
        return ("body_shown",)

    @action(description="Replay", url_path="replay", permissions=["act"])  # type: ignore[untyped-decorator]
    def replay(self, request: HttpRequest, object_id: str) -> HttpResponse:
        event = self.get_object(request, unquote(object_id))
        if event is not None:
            inbox.replay([event.pk])
            self.message_user(request, "It is handled again.", messages.SUCCESS)
        return HttpResponseRedirect(
            reverse("admin:payments_inboxevent_change", args=[unquote(object_id)])
        )

    @column("Received")
    def received(self, event: InboxEvent) -> str:
        return references.when(event.received_at)

    @column("Body")
    def body_shown(self, event: InboxEvent) -> SafeString:
        return references.readable(bytes(event.body))


class RejectedWebhookAdmin(ReadOnlyAdmin):
    """A sample of webhooks with a wrong signature: forged, or of a secret nobody told us."""

    list_display = ("received", "provider")
    ordering = ("-id",)
    fields = ("provider", "received_at", "headers", "body_shown")

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> Any:
        return ("body_shown",)

    @column("Received")
    def received(self, sample: RejectedWebhook) -> str:
        return references.when(sample.received_at)

    @column("Body")
    def body_shown(self, sample: RejectedWebhook) -> SafeString:
        return references.readable(bytes(sample.body))
