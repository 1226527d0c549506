"""The delivery log of all mail, and the addresses that get none."""

# ruff: noqa: ARG002 - overrides keep the parameters that Django's admin gives them

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid5

from django.contrib import messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.safestring import SafeString
from unfold.decorators import action

from matricula.edges import letters
from matricula.edges.console import references
from matricula.edges.console.base import ReadOnlyAdmin, column
from matricula.edges.console.recording import actor_id
from matricula.kernel import events, ids
from matricula.kernel.errors import DomainError
from matricula.kernel.events import NewEvent
from matricula.notifications import actions
from matricula.notifications.models import Delivery, SuppressedAddress

# An event's subject is a UUID, and no address stands in the log: the row's number makes one.
_ADDRESSES = UUID("7a1f63b4-2c0e-5a57-9a3c-41d5f2f0c9d3")


class DeliveryAdmin(ReadOnlyAdmin):
    """All mail of the site. What it said is gone once it is sent."""

    list_display = ("subject", "address", "state", "kind", "tries", "made", "went_out", "arrived")
    list_display_links = ("subject",)
    list_filter = ("state", "kind")
    search_fields = ("id",)
    search_help_text = "Whole address, dlv_… or usr_…"
    ordering = ("-id",)
    actions_detail = ("send_again",)
    actions_list = ("letters",)
    fields = (
        "reference",
        "subject",
        "address",
        "person_shown",
        "kind",
        "state",
        "error",
        "tries",
        "made",
        "due",
        "went_out",
        "arrived",
        "message_id_header",
        "correlation_id",
    )
    readonly_fields = fields

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        term = search_term.strip()
        if not term:
            return queryset, False
        found = references.read(term)
        if found is not None and found.prefix in {"", "dlv"}:
            return queryset.filter(pk=found.value), False
        if found is not None and found.prefix == "usr":
            return queryset.filter(person=found.value), False
        return queryset.filter(address=term.lower()), False

    def has_act_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return bool(request.user.has_perm("notifications.change_delivery"))

    @action(description="Send again", url_path="send-again", permissions=["act"])  # type: ignore[untyped-decorator]
    def send_again(self, request: HttpRequest, object_id: str) -> HttpResponse:
        row = self.get_object(request, unquote(object_id))
        if row is not None:
            try:
                actions.send_again(row.pk)
                events.append(
                    [NewEvent("message.requeued", row.pk, row.person_id, actor_id(request))]
                )
                self.message_user(request, "It is sent again.", messages.SUCCESS)
            except DomainError as error:
                self.message_user(request, f"Not done. {error.detail}", messages.ERROR)
        return HttpResponseRedirect(
            reverse("admin:notifications_delivery_change", args=[unquote(object_id)])
        )

    def has_look_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return bool(self.has_view_permission(request))

    @action(description="Look at all letters", url_path="letters", permissions=["look"])  # type: ignore[untyped-decorator]
    def letters(self, request: HttpRequest) -> HttpResponse:
        """Every kind of letter, as its reader would see it."""
        context = {
            **self.admin_site.each_context(request),
            "title": "Letters",
            "opts": self.opts,
            "kinds": letters.kinds(),
        }
        return TemplateResponse(request, "console/letters.html", context)

    def get_urls(self) -> list[Any]:
        look = self.admin_site.admin_view(self._letter)
        return [
            path("letters/<str:kind>/<str:part>/", look, name="notifications_letter"),
            *super().get_urls(),
        ]

    def _letter(self, request: HttpRequest, kind: str, part: str) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        return letters.answer(kind, part, request.GET.get("language", ""))

    def history_of(self, obj: Any) -> str:
        return ids.to_text("dlv", obj.pk)

    @column("Reference")
    def reference(self, row: Delivery) -> str:
        return str(row)

    @column("To")
    def person_shown(self, row: Delivery) -> SafeString | str:
        return references.page("usr", row.person_id) if row.person_id else "no account"

    @column("Written")
    def made(self, row: Delivery) -> str:
        return references.when(row.created_at)

    @column("Due")
    def due(self, row: Delivery) -> str:
        return references.when(row.due_at)

    @column("Sent")
    def went_out(self, row: Delivery) -> str:
        return references.when(row.sent_at) if row.sent_at else ""

    @column("Arrived")
    def arrived(self, row: Delivery) -> str:
        """What the mail service told; a relay tells nothing of it."""
        return references.when(row.delivered_at) if row.delivered_at else ""


class SuppressedAddressAdmin(ReadOnlyAdmin):
    """Addresses that mail is not sent to. Removing one lets mail go there again."""

    list_display = ("address", "reason", "detail", "since_shown")
    list_filter = ("reason",)
    search_fields = ("address__exact",)
    search_help_text = "Whole address"
    ordering = ("-id",)
    fields = ("address", "reason", "detail", "since_shown")
    readonly_fields = fields

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return bool(request.user.has_perm("notifications.delete_suppressedaddress"))

    def delete_model(self, request: HttpRequest, obj: SuppressedAddress) -> None:
        subject = uuid5(_ADDRESSES, str(obj.pk))
        actions.lift(obj.address)
        events.append([NewEvent("address.allowed", subject, None, actor_id(request))])

    @column("Since")
    def since_shown(self, row: SuppressedAddress) -> str:
        return references.when(row.since)
