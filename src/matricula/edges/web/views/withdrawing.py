"""The function to withdraw from a contract online, in two steps (Directive 2011/83/EU, article
11a): what is withdrawn from is shown, then confirmed. The receipt is confirmed by mail.
"""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _

from matricula.accounts import guests
from matricula.edges.web import words
from matricula.edges.web.guard import SeeOther, page, person_of
from matricula.edges.web.visits import keep_link_private
from matricula.enrollments import queries as enrollments
from matricula.flows import withdraw as flow
from matricula.kernel import ids
from matricula.kernel.errors import IllegalState


@page("GET", "POST")
@login_required
def withdraw(request: HttpRequest, reference: str) -> HttpResponse:
    """For whoever has an account: from the page of their enrollment."""
    back = reverse("enrollment", args=[reference])
    return _steps(request, person_of(request).pk, reference, back)


@page("GET", "POST")
def withdraw_as_guest(request: HttpRequest, token: str, reference: str) -> HttpResponse:
    """For whoever bought as a guest: by the link in their mail, without an account."""
    guest = guests.read_token(token)
    back = reverse("guest_claim", args=[token])
    return keep_link_private(_steps(request, guest.pk, reference, back))


def _steps(request: HttpRequest, person_id: UUID, reference: str, back: str) -> HttpResponse:
    """GET is the first step, POST the second; POST with `confirm` withdraws. Confirmed twice, it
    withdraws once. `back` leads to what is withdrawn from."""
    enrollment_id = ids.from_text("enr", reference)
    record = enrollments.of_person(person_id, enrollment_id)
    if request.method == "POST" and "confirm" in request.POST:
        try:
            flow.withdraw(enrollment_id, person_id)
        except IllegalState as error:
            messages.info(request, _(error.detail))
        else:
            messages.success(
                request,
                _("You have withdrawn. The confirmation comes by mail, and your money goes back."),
            )
        return SeeOther(back)
    right = flow.withdrawable(record)
    if right is None:
        messages.info(request, _("There is no right to withdraw from this, or its time is over."))
        return SeeOther(back)
    context = {
        "back": back,
        "record": record,
        "order": right.order,
        "order_reference": ids.to_text("ord", right.order.id),
        "amount": words.money(right.amount),
        "ends_at": right.ends_at,
        "is_second": request.method == "POST",
    }
    return render(request, "enrollments/withdraw.html", context)
