"""The console as Django's admin site: who comes in, what is there, what every answer carries."""

# ruff: noqa: ARG002 - overrides keep the parameters that Django's admin gives them

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from allauth.account.decorators import secure_admin_login
from django.conf import settings
from django.contrib import admin
from django.contrib.admin import sites
from django.contrib.auth.models import Group
from django.contrib.auth.views import LogoutView
from django.core.paginator import InvalidPage
from django.db import models
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.templatetags.static import static
from django.urls import reverse
from django.utils import timezone
from unfold.dataclasses import Favicon
from unfold.sites import UnfoldAdminSite

from matricula.accounts.models import LearnerGroup, Person
from matricula.catalog.models import CategoryLimit, Cohort, Course
from matricula.edges.console import dashboard, failures, policy
from matricula.edges.console.admission import (
    CategoryLimitAdmin,
    LearnerGroupAdmin,
    OverrideAdmin,
)
from matricula.edges.console.cohorts import CohortAdmin
from matricula.edges.console.courses import CourseAdmin
from matricula.edges.console.endpoints import EndpointAdmin, WebhookDeliveryAdmin
from matricula.edges.console.enrollments import EnrollmentAdmin
from matricula.edges.console.events import EventAdmin
from matricula.edges.console.failed_work import FailedWorkAdmin
from matricula.edges.console.holds import HoldAdmin
from matricula.edges.console.mail import DeliveryAdmin, SuppressedAddressAdmin
from matricula.edges.console.orders import OrderAdmin
from matricula.edges.console.payments import (
    DisputeAdmin,
    PaymentAdmin,
    RefundAdmin,
    StaffTaskAdmin,
)
from matricula.edges.console.people import PersonAdmin
from matricula.edges.console.pricing import (
    CouponAdmin,
    RefundStepAdmin,
    SellerAdmin,
    TaxRateAdmin,
)
from matricula.edges.console.references import changelist
from matricula.edges.console.roles import RoleAdmin
from matricula.edges.console.support import CannedAnswerAdmin, ConversationAdmin
from matricula.edges.console.tax_ids import TaxIdAdmin
from matricula.edges.console.waiting_rooms import RoomAdmin
from matricula.edges.console.waitlists import EntryAdmin, PriorityGroupAdmin
from matricula.edges.console.webhooks import InboxAdmin, RejectedWebhookAdmin
from matricula.enrollments.models import Enrollment, Override
from matricula.kernel import correlation
from matricula.kernel.models import Event, FailedWork
from matricula.notifications.models import Delivery, SuppressedAddress
from matricula.orders.models import Order, RefundStep
from matricula.payments.models import (
    Dispute,
    InboxEvent,
    Payment,
    Refund,
    RejectedWebhook,
    StaffTask,
)
from matricula.pricing.models import Coupon, Seller, TaxRate
from matricula.seats.models import Hold
from matricula.support.models import CannedAnswer, Conversation
from matricula.taxids.models import TaxId
from matricula.waitingroom.models import Room
from matricula.waitlist.models import Entry, PriorityGroup
from matricula.webhooks.models import Delivery as WebhookDelivery
from matricula.webhooks.models import Endpoint

View = Callable[..., HttpResponse]

# Group, then model, words and icon (of Material Symbols, which the theme brings along).
NAVIGATION: tuple[tuple[str, tuple[tuple[type[models.Model], str, str], ...]], ...] = (
    ("Catalog", ((Course, "Courses", "school"), (Cohort, "Cohorts", "calendar_month"))),
    (
        "Enrolling",
        (
            (Enrollment, "Enrollments", "how_to_reg"),
            (Hold, "Seats held", "event_seat"),
            (Room, "Waiting rooms", "groups"),
            (Override, "Exceptions", "key"),
            (Entry, "Waitlists", "hourglass_top"),
            (PriorityGroup, "Waitlist groups", "low_priority"),
            (Person, "People", "group"),
            (LearnerGroup, "Groups", "groups"),
            (CategoryLimit, "Limits", "production_quantity_limits"),
        ),
    ),
    (
        "Support",
        (
            (Conversation, "Conversations", "forum"),
            (CannedAnswer, "Ready answers", "quickreply"),
        ),
    ),
    (
        "Money",
        (
            (StaffTask, "To decide", "assignment_late"),
            (Order, "Orders", "shopping_cart"),
            (Payment, "Payments", "payments"),
            (Refund, "Refunds", "currency_exchange"),
            (Dispute, "Disputes", "gavel"),
            (InboxEvent, "Webhooks", "webhook"),
            (RejectedWebhook, "Refused webhooks", "gpp_bad"),
        ),
    ),
    (
        "Prices",
        (
            (Coupon, "Coupons", "sell"),
            (TaxRate, "Tax rates", "percent"),
            (TaxId, "VAT ids", "verified"),
            (RefundStep, "Refund policy", "undo"),
            (Seller, "Seller", "storefront"),
        ),
    ),
    (
        "Mail",
        (
            (Delivery, "Deliveries", "outgoing_mail"),
            (SuppressedAddress, "Suppressed addresses", "unsubscribe"),
        ),
    ),
    (
        "Other systems",
        (
            (Endpoint, "Endpoints", "send"),
            (WebhookDelivery, "Webhook deliveries", "outbox"),
        ),
    ),
    (
        "Oversight",
        (
            (FailedWork, "Failed work", "sync_problem"),
            (Event, "Events", "receipt_long"),
            (Group, "Roles", "admin_panel_settings"),
        ),
    ),
)
# The site's green, as the scale that the theme asks for.
ACCENT = {
    "50": "#eef6f1",
    "100": "#e4efe8",
    "200": "#c3ded0",
    "300": "#a5d6c0",
    "400": "#8fd4b8",
    "500": "#86d3b4",
    "600": "#14604a",
    "700": "#0f4d3b",
    "800": "#0c3e30",
    "900": "#0a3226",
    "950": "#061f18",
}


class ConsoleSite(UnfoldAdminSite):  # type: ignore[misc]
    """Staff only. Signing in happens on the site's own page, where the rate limits are."""

    site_title = "Matricula console"
    index_title = "Overview"
    index_template = "console/index.html"
    enable_nav_sidebar = True

    def admin_view(self, view: View, cacheable: bool = False) -> View:
        """The view for staff only, with the console's policy, and with failures explained."""
        guarded: View = super().admin_view(view, cacheable)

        @wraps(guarded)
        def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            try:
                # Forms are read, and pages written, on the school's clock.
                with timezone.override(settings.ENVIRONMENT.time_zone):
                    response = guarded(request, *args, **kwargs)
                    if isinstance(response, TemplateResponse):
                        response.render()  # here, so that what fails in a template is caught too
            except failures.EXPECTED as exception:
                response = self.failed(request, exception)
            return policy.protect(response)

        return answer

    def failed(self, request: HttpRequest, exception: Exception) -> HttpResponse:
        """What went wrong, on a page of the console. It asks nothing of the database, which may be
        what failed."""
        error = failures.explain(exception)
        context = {"error": error, "correlation_id": correlation.current()}
        # Without the request: what it offers to templates (its user, messages) is read late.
        page = render_to_string("console/failure.html", context)
        return HttpResponse(page, status=error.status)

    def login(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Sends guests to sign in and refuses those who are no staff; has no form of its own."""

        @secure_admin_login  # type: ignore[untyped-decorator]
        def enter(request: HttpRequest) -> HttpResponse:  # noqa: ARG001
            return HttpResponseRedirect(reverse("admin:index", current_app=self.name))

        response: HttpResponse = enter(request)
        return response

    def logout(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        leave = LogoutView.as_view(next_page=settings.ACCOUNT_LOGOUT_REDIRECT_URL)
        return leave(request)

    def password_change(
        self,
        request: HttpRequest,
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """On the site's page too, which ends the person's other sessions and tokens."""
        return HttpResponseRedirect(reverse("account_change_password"))

    def index(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> TemplateResponse:
        context = {**(extra_context or {}), **dashboard.facts(request)}
        response: TemplateResponse = super().index(request, context)
        return response

    def search(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        try:
            response: HttpResponse = super().search(request, extra_context)
        except InvalidPage as error:
            raise Http404 from error
        return response

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        context: dict[str, Any] = super().each_context(request)
        icon = Favicon(href=static("matricula/icon.svg"), rel="icon", type="image/svg+xml")
        return {
            **context,
            "colors": {**context["colors"], "primary": ACCENT},
            "site_symbol": "school",
            "site_favicons": [icon],
        }

    def get_sidebar_list(self, request: HttpRequest) -> list[dict[str, Any]]:
        """What this member of staff may see, in groups; empty groups are left out."""
        start = reverse("admin:index", current_app=self.name)
        overview = _entry("Overview", "dashboard", start, active=request.path == start)
        groups: list[dict[str, Any]] = [{"items": [overview]}]
        for title, entries in NAVIGATION:
            items = [
                _entry(
                    words,
                    icon,
                    changelist(model),
                    active=request.path.startswith(changelist(model)),
                )
                for model, words, icon in entries
                if self._registry[model].has_view_permission(request)
            ]
            if items:
                groups.append({"title": title, "separator": True, "items": items})
        return groups


def _entry(title: str, icon: str, link: str, *, active: bool) -> dict[str, Any]:
    return {"title": title, "icon": icon, "link": link, "active": active, "has_permission": True}


console = ConsoleSite()
console.register(Course, CourseAdmin)
console.register(Cohort, CohortAdmin)
console.register(Enrollment, EnrollmentAdmin)
console.register(Hold, HoldAdmin)
console.register(Room, RoomAdmin)
console.register(Conversation, ConversationAdmin)
console.register(Endpoint, EndpointAdmin)
console.register(WebhookDelivery, WebhookDeliveryAdmin)
console.register(CannedAnswer, CannedAnswerAdmin)
console.register(Entry, EntryAdmin)
console.register(PriorityGroup, PriorityGroupAdmin)
console.register(Person, PersonAdmin)
console.register(LearnerGroup, LearnerGroupAdmin)
console.register(CategoryLimit, CategoryLimitAdmin)
console.register(Override, OverrideAdmin)
console.register(Event, EventAdmin)
console.register(FailedWork, FailedWorkAdmin)
console.register(Group, RoleAdmin)
console.register(Delivery, DeliveryAdmin)
console.register(SuppressedAddress, SuppressedAddressAdmin)
console.register(StaffTask, StaffTaskAdmin)
console.register(Order, OrderAdmin)
console.register(Payment, PaymentAdmin)
console.register(Refund, RefundAdmin)
console.register(Dispute, DisputeAdmin)
console.register(InboxEvent, InboxAdmin)
console.register(RejectedWebhook, RejectedWebhookAdmin)
console.register(Coupon, CouponAdmin)
console.register(TaxRate, TaxRateAdmin)
console.register(TaxId, TaxIdAdmin)
console.register(RefundStep, RefundStepAdmin)
console.register(Seller, SellerAdmin)

# config/urls.py mounts `admin.site`. unfold puts its own site there as it starts; ours follows it,
# and with that goes everything that other apps registered for an admin of theirs.
admin.site = sites.site = console
