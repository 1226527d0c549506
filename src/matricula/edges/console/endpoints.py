"""Outgoing webhooks: who is told, and what became of it."""

# ruff: noqa: ARG002 - overrides keep the parameters that Django's admin gives them

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.conf import settings
from django.contrib.admin.utils import unquote
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.decorators import action

from matricula.edges.console import references
from matricula.edges.console.acting import Acting
from matricula.edges.console.base import Choices, ConsoleAdmin, ReadOnlyAdmin, column
from matricula.edges.console.recording import RecordsEvents, actor_id
from matricula.flows import webhooks
from matricula.kernel import ids
from matricula.kernel.errors import DomainError
from matricula.kernel.models import Event
from matricula.webhooks import rules
from matricula.webhooks.models import Delivery, Endpoint
from matricula.webhooks.states import ENDPOINT, DeliveryState, EndpointState
from matricula.webhooks.types import TYPES

ENDPOINT_COLOURS = {"active": "success", "paused": "default", "disabled": "danger"}
DELIVERY_COLOURS = {"delivered": "success", "pending": "info", "failed": "danger"}
MOST_TRIES = 50


class EndpointForm(forms.ModelForm):  # type: ignore[type-arg]
    """An address, and what it is told of."""

    types = forms.MultipleChoiceField(
        choices=[(type_, f"{type_}: {words}") for type_, words in TYPES.items()],
        widget=Choices,
        label="Told of",
    )

    class Meta:
        labels: ClassVar = {"url": "URL"}

    def clean_url(self) -> str:
        networks = settings.ENVIRONMENT.webhook_networks
        try:
            return rules.check_url(self.cleaned_data["url"], networks)
        except DomainError as error:
            raise ValidationError([entry.message for entry in error.guidance.errors]) from error


class EndpointAdmin(Acting, RecordsEvents, ConsoleAdmin):
    """Addresses of other systems."""

    event_kind = "webhook"
    recorded = ("types",)
    form = EndpointForm
    list_display = ("address", "description", "state_label", "failing")
    list_filter = ("state",)
    search_fields = ("url",)
    ordering = ("url",)
    actions_detail = ("make_secret", "start", "pause", "send_test")
    fieldsets = (
        (None, {"fields": ("url", "description", "notify", "types")}),
        ("State", {"fields": ("state_label", "reason", "failing", "deliveries_link")}),
    )
    readonly_fields = ("state_label", "reason", "failing", "deliveries_link")

    def get_fieldsets(self, request: HttpRequest, obj: Endpoint | None = None) -> Any:
        return self.fieldsets if obj is not None else self.fieldsets[:1]

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        return {"notify": getattr(request.user, "email", "")}

    def response_add(
        self, request: HttpRequest, obj: Endpoint, post_url_continue: str | None = None
    ) -> HttpResponse:
        """A new endpoint needs a secret first."""
        return HttpResponseRedirect(reverse("admin:webhooks_endpoint_make_secret", args=[obj.pk]))

    @transaction.atomic  # the record is locked as it is read, like in every edit
    def ask(self, *args: Any, **kwargs: Any) -> HttpResponse:
        return super().ask(*args, **kwargs)

    def has_act_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return bool(request.user.has_perm("webhooks.change_endpoint"))

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> Any:
        """Those that the endpoint's state allows."""
        reference = references.read(unquote(str(object_id)))
        found = Endpoint.objects.filter(pk=reference.value).first() if reference else None
        if found is None:
            return []
        state = EndpointState(found.state)
        hidden = {name for name in ("start", "pause") if not ENDPOINT.allows(state, name)}
        offered = super().get_actions_detail(request, object_id)
        return [one for one in offered if one.path not in hidden]

    @action(description="New secret", url_path="secret", permissions=["act"])  # type: ignore[untyped-decorator]
    @transaction.atomic
    def make_secret(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Asks, then shows the secret in the answer to the form, and nowhere else."""
        endpoint = self.get_object(request, unquote(object_id))
        if endpoint is None:
            gone: HttpResponse = self._get_obj_does_not_exist_redirect(
                request, self.opts, object_id
            )
            return gone
        is_asked = request.method == "POST"
        context = {
            **self.admin_site.each_context(request),
            "title": "New secret",
            "opts": self.opts,
            "original": endpoint,
            "secret": webhooks.make_secret(endpoint.pk, actor_id(request)) if is_asked else "",
            "back": reverse("admin:webhooks_endpoint_change", args=[endpoint.pk]),
        }
        response = TemplateResponse(request, "console/secret.html", context)
        response["Cache-Control"] = "no-store"
        return response

    @action(description="Start", url_path="start", permissions=["act"])  # type: ignore[untyped-decorator]
    def start(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self.confirm(
            request,
            object_id,
            title="Start",
            points=[
                "It is told of what happens from now on.",
                "What was on its way when it stopped is sent first.",
            ],
            run=lambda endpoint: webhooks.start(endpoint.pk, actor_id(request)),
        )

    @action(description="Pause", url_path="pause", permissions=["act"])  # type: ignore[untyped-decorator]
    def pause(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self.confirm(
            request,
            object_id,
            title="Pause",
            points=["What happens meanwhile is not sent later."],
            run=lambda endpoint: webhooks.pause(endpoint.pk, actor_id(request)),
        )

    @action(description="Send a test", url_path="test", permissions=["act"])  # type: ignore[untyped-decorator]
    def send_test(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self.confirm(
            request,
            object_id,
            title="Send a test",
            points=["A message of the type webhook.test. The deliveries show what became of it."],
            run=lambda endpoint: webhooks.test(endpoint.pk),
        )

    # --- columns ----------------------------------------------------------------------------

    def history_of(self, obj: Endpoint) -> str:
        return str(obj.pk)

    @column("URL", order="url")
    def address(self, endpoint: Endpoint) -> str:
        return endpoint.url

    @column("State", colours=ENDPOINT_COLOURS)
    def state_label(self, endpoint: Endpoint) -> str:
        return endpoint.state

    @column("Failing since")
    def failing(self, endpoint: Endpoint) -> str:
        return references.when(endpoint.failing_since)

    @column("Deliveries")
    def deliveries_link(self, endpoint: Endpoint) -> SafeString:
        query = f"endpoint__id__exact={endpoint.pk}"
        return references.listing(Delivery, query, "What became of each")


class WebhookDeliveryAdmin(Acting, ReadOnlyAdmin):
    """What was sent, each try of it, and what came back."""

    list_display = ("reference", "type", "goes_to", "state_label", "tries", "created")
    list_display_links = ("reference",)
    list_filter = ("state", "endpoint")
    search_fields = ("id",)
    search_help_text = "whk_…, or enr_… of what it is about"
    ordering = ("-created_at", "-id")
    actions_detail = ("replay",)
    change_form_outer_after_template = "console/attempts.html"
    fields = (
        "reference",
        "endpoint",
        "type",
        "event",
        "state_label",
        "tries",
        "created",
        "next_try",
        "arrived",
        "body_shown",
    )
    readonly_fields = (
        "reference",
        "event",
        "state_label",
        "created",
        "next_try",
        "arrived",
        "body_shown",
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Delivery]:
        rows: QuerySet[Delivery] = super().get_queryset(request)
        return rows.select_related("endpoint")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Delivery], search_term: str
    ) -> tuple[QuerySet[Delivery], bool]:
        term = search_term.strip()
        if not term:
            return queryset, False
        found = references.read(term)
        if found is None:
            return queryset.none(), False
        name = "pk" if found.prefix == "whk" else "subject"
        return queryset.filter(**{name: found.value}), False

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        found = references.read(unquote(object_id))
        delivery = Delivery.objects.filter(pk=found.value).first() if found else None
        tries = delivery.attempts.order_by("-pk")[:MOST_TRIES] if delivery else ()
        context = {**(extra_context or {}), "attempts": tries}
        response: HttpResponse = super().change_view(request, object_id, form_url, context)
        return response

    def has_act_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return bool(request.user.has_perm("webhooks.change_endpoint"))

    @action(description="Replay", url_path="replay", permissions=["act"])  # type: ignore[untyped-decorator]
    def replay(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self.confirm(
            request,
            object_id,
            title="Replay",
            points=["It is sent again under the same id, so that the receiver knows it."],
            run=lambda delivery: webhooks.replay(delivery.pk, actor_id(request)),
            done="It is on its way again.",
        )

    @column("Delivery")
    def reference(self, delivery: Delivery) -> SafeString:
        return references.mono(ids.to_text("whk", delivery.pk))

    @column("Event")
    def event(self, delivery: Delivery) -> SafeString | str:
        if delivery.event_seq is None:
            return "A test"
        return references.listing(Event, f"q={delivery.subject}", f"number {delivery.event_seq}")

    @column("State", colours=DELIVERY_COLOURS)
    def state_label(self, delivery: Delivery) -> str:
        return delivery.state

    @column("Endpoint")
    def goes_to(self, delivery: Delivery) -> SafeString:
        return format_html('<span style="overflow-wrap: anywhere">{}</span>', delivery.endpoint.url)

    @column("Owed")
    def created(self, delivery: Delivery) -> str:
        return references.when(delivery.created_at)

    @column("Next try")
    def next_try(self, delivery: Delivery) -> str:
        is_pending = delivery.state == DeliveryState.PENDING
        return references.when(delivery.next_try_at) if is_pending else ""

    @column("Delivered")
    def arrived(self, delivery: Delivery) -> str:
        return references.when(delivery.delivered_at) if delivery.delivered_at else ""

    @column("Body")
    def body_shown(self, delivery: Delivery) -> SafeString:
        return references.readable(delivery.body)
