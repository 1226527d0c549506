"""The hosted payment page: opens the gateway's checkout with scripts, and works without them."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode, urlsplit, urlunsplit

import structlog
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt

from matricula.accounts.models import Person
from matricula.catalog import queries as catalog
from matricula.edges.web import bills, progress, suggested
from matricula.edges.web.guard import SeeOther, page, visitor_id
from matricula.edges.web.suggested import Suggested
from matricula.edges.web.views.errors import error_page
from matricula.edges.web.visits import find_checkout, is_guests
from matricula.enrollments import queries as enrollments
from matricula.enrollments.queries import EnrollmentRecord
from matricula.enrollments.states import Status
from matricula.flows import cancel as cancelling
from matricula.flows import extend as extending
from matricula.flows import pay as flow
from matricula.flows import payment_status, reconcile, settle
from matricula.flows.payment_status import PaymentStatus
from matricula.kernel import events, ids
from matricula.kernel.errors import DomainError, MalformedRequest
from matricula.orders.queries import OrderRecord
from matricula.orders.states import OrderState
from matricula.payments import queries as payments
from matricula.payments.errors import GatewayRefused, GatewayUnavailable
from matricula.payments.port import HandBack
from matricula.payments.queries import PaymentRecord
from matricula.payments.states import PaymentState

LONGEST = 200
ENDED = {"expired", "cancelled"}
log = structlog.get_logger(__name__)


@page("GET")
def pay(request: HttpRequest, reference: str) -> HttpResponse:
    """Where the money stands, and the way to pay it."""
    # The events before what they tell of: the page may be newer than it says, never older.
    heard = _last_event(find_checkout(request, reference)[0])
    order, payment = find_checkout(request, reference)
    enrollment = _enrollment(order)
    standing = payment_status.of_enrollment(enrollment.id)
    is_guest = is_guests(request, order.id) and _is_guest(order)
    if is_guest and payment.state is PaymentState.CAPTURED:
        return render(request, "paying/guest_paid.html", {"email": order.buyer_email})
    if order.state is OrderState.PAID or standing.status is PaymentStatus.REFUNDED:
        return SeeOther(_afterwards(order, enrollment))
    is_ready = False
    if order.state is OrderState.OPEN:
        session = flow.open_session(order.id, enrollment.hold_expires_at)
        payment, is_ready = session.payment, session.is_ready
    state = _state(order, payment, standing.status, is_ready=is_ready)
    context: dict[str, Any] = {
        "order": order,
        "reference": reference,
        "order_reference": ids.to_text("ord", order.id),
        "bill": bills.bill_of_order(order),
        "titles": ", ".join(line.title for line in order.lines),
        "state": state,
        "payment": payment,
        "gateway": _gateway(request, order, payment),
        "course_url": reverse("course", args=[order.lines[0].course_slug]),
        "back_url": _with_outcome(order.cancel_url, enrollment) if order.cancel_url else "",
        "hold": progress.hold_of(enrollment),
        "live_enrollment": _live(request, order, enrollment),
        "live_after": heard,
        "alternatives": _alternatives(order) if state in ENDED else [],
    }
    response = render(request, "paying/pay.html", context)
    _allow(response, order)
    return response


def _allow(response: HttpResponse, order: OrderRecord) -> None:
    """On this page alone: the gateway's script, frame and form; and that our forms end at the site
    that began the checkout, since a policy for forms holds for where they are sent on to."""
    account = settings.ENVIRONMENT.razorpay
    gateway = list(account.origins) if account is not None else []
    back = [_origin(url) for url in (order.success_url, order.cancel_url) if url]
    response._csp_update = {  # type: ignore[attr-defined]  # noqa: SLF001 - what csp_update sets
        "script-src": ["'self'", *gateway],
        "frame-src": gateway or ["'none'"],
        "connect-src": ["'self'", settings.ENVIRONMENT.socket_origin, *gateway],
        "form-action": [*gateway, *back],
    }
    # The gateway opens a bank's page in a window of its own, and hears from it.
    response["Cross-Origin-Opener-Policy"] = "same-origin-allow-popups"


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _last_event(order: OrderRecord) -> int:
    """The number of the last event of the checkout's first enrollment."""
    return max(
        (event.number for event in events.of_subject(order.lines[0].enrollment_id)), default=0
    )


def _live(request: HttpRequest, order: OrderRecord, enrollment: EnrollmentRecord) -> str:
    """The enrollment whose events the page hears; empty when nothing more will happen, and for a
    guest, who has no stream of events."""
    if order.person_id != visitor_id(request) or enrollment.status is not Status.PENDING:
        return ""
    return ids.to_text("enr", enrollment.id)


def _alternatives(order: OrderRecord) -> list[Suggested]:
    course = catalog.find_course(order.lines[0].course_id, hidden=True)
    return suggested.instead_of(course, order.person_id)


def _state(
    order: OrderRecord, payment: PaymentRecord, status: PaymentStatus, *, is_ready: bool
) -> str:
    """Which of its faces the page shows."""
    if order.state is OrderState.CANCELLED:
        return "cancelled"
    if order.state is OrderState.EXPIRED:
        return "expired"
    if status is PaymentStatus.PROCESSING:
        return "processing" if payment.state is PaymentState.AUTHORIZED else "quarantined"
    if not is_ready:
        return "refused" if payment.is_refused else "slow"
    return "failed" if payment.state is PaymentState.FAILED else "ready"


def _gateway(
    request: HttpRequest, order: OrderRecord, payment: PaymentRecord
) -> dict[str, Any] | None:
    """What the gateway's form is given, by script or by a form."""
    account = settings.ENVIRONMENT.razorpay
    if account is None or payment.provider_order_id is None:
        return None
    here = settings.ENVIRONMENT.base_url + request.path
    titles = ", ".join(line.title for line in order.lines)
    fields = {
        "key_id": account.key_id,
        "order_id": payment.provider_order_id,
        "amount": payment.amount.minor,
        "currency": payment.amount.currency,
        "name": settings.SITE_NAME,
        "description": titles[:LONGEST],
        "prefill[name]": order.buyer_name,
        "prefill[email]": order.buyer_email,
        "prefill[contact]": order.buyer_phone,
        "callback_url": here + "return/",
        "cancel_url": here,
    }
    return {
        "script": account.checkout_script,
        "form": account.checkout_form,
        "fields": {name: value for name, value in fields.items() if value},
    }


@csrf_exempt
@page("POST", personal=False)
def hand_back(request: HttpRequest, reference: str) -> HttpResponse:
    """The gateway sends the browser back. It comes from another site, so without our cookies: what
    is believed is the signature alone, and what the gateway then says of the payment."""
    payment_id = ids.from_text("pay", reference)
    given = {name: request.POST.get(f"razorpay_{name}", "") for name in _GIVEN}
    try:
        if all(given.values()):
            settle.hand_back(payments.find(payment_id), HandBack(**given))
        else:
            _note_failure(payment_id, request)
    except (GatewayUnavailable, GatewayRefused) as error:
        log.warning("hand_back_not_settled", payment=reference, error=error.code)
    except DomainError as error:
        return error_page(request, error)
    return SeeOther(reverse("pay", args=[reference]))


_GIVEN = ("payment_id", "order_id", "signature")


def _note_failure(payment_id: Any, request: HttpRequest) -> None:
    """Nothing of an error is believed; our order is looked up for what happened to it."""
    if not any(name.startswith("error[") for name in request.POST):
        raise MalformedRequest(_("This is no answer of the payment service."))
    reconcile.look_up(payment_id)


@page("POST")
def again(request: HttpRequest, reference: str) -> HttpResponse:
    """Another attempt after one that failed."""
    order, _payment = find_checkout(request, reference)
    try:
        flow.retry(order.lines[0].enrollment_id, order.person_id)
    except DomainError as error:
        messages.info(request, error.detail)
        return SeeOther(reverse("pay", args=[reference]))
    return SeeOther(reverse("pay", args=[reference]) + "?now=1")


@page("POST")
def more_time(request: HttpRequest, reference: str) -> HttpResponse:
    """Holds the seats for a full hold time from now."""
    order, _payment = find_checkout(request, reference)
    try:
        extending.extend_hold(order.lines[0].enrollment_id, order.person_id)
        messages.success(request, _("Your seat is held longer now."))
    except DomainError as error:
        messages.info(request, error.detail)
    return SeeOther(reverse("pay", args=[reference]))


@page("POST")
def give_up(request: HttpRequest, reference: str) -> HttpResponse:
    """Ends the checkout; what arrives nevertheless goes back."""
    order, _payment = find_checkout(request, reference)
    try:
        cancelling.cancel(order.lines[0].enrollment_id, order.person_id, actor_id=order.person_id)
        messages.success(request, _("The checkout is cancelled. Nothing is to be paid."))
    except DomainError as error:
        messages.info(request, error.detail)
    if order.cancel_url:
        return SeeOther(_with_outcome(order.cancel_url, _enrollment(order)))
    return SeeOther(reverse("pay", args=[reference]))


def _enrollment(order: OrderRecord) -> EnrollmentRecord:
    return enrollments.of_person(order.person_id, order.lines[0].enrollment_id)


def _is_guest(order: OrderRecord) -> bool:
    return Person.objects.filter(pk=order.person_id).exclude(guest_email="").exists()


def _afterwards(order: OrderRecord, enrollment: EnrollmentRecord) -> str:
    """Where a paid checkout leads: back to the client that began it, else to its status."""
    if order.success_url:
        return _with_outcome(order.success_url, enrollment)
    if len(order.lines) > 1:
        return reverse("order", args=[ids.to_text("ord", order.id)])
    return reverse("enrollment", args=[ids.to_text("enr", enrollment.id)])


def _with_outcome(url: str, enrollment: EnrollmentRecord) -> str:
    parts = urlsplit(url)
    outcome = urlencode(
        {"enrollment_id": ids.to_text("enr", enrollment.id), "status": enrollment.status.value}
    )
    return urlunsplit(parts._replace(query="&".join(filter(None, [parts.query, outcome]))))
