"""Asking to be told when a course opens."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _

from matricula.catalog import queries as catalog
from matricula.edges.web import offers
from matricula.edges.web.guard import SeeOther, page, person_of
from matricula.flows import offer as offering
from matricula.flows import openings
from matricula.interest import queries as interest


@page("GET", "POST")
@login_required
def tell_me(request: HttpRequest, slug: str) -> HttpResponse:
    """GET says what asking means, or that one has asked; POST asks, or withdraws it. Sending it
    twice asks once. An open course leads to its page."""
    person_id, here = person_of(request).pk, reverse("course", args=[slug])
    offer = offering.offer_of(catalog.course_at(slug), person_id)
    if request.method == "POST" and "withdraw" in request.POST:
        openings.withdraw(person_id, slug)
        messages.success(request, _("You will not be told."))
        return SeeOther(here)
    if not openings.can_open(offer):
        return redirect(here) if request.method == "GET" else SeeOther(here)
    if request.method == "POST":
        openings.ask(person_id, slug)
        messages.success(request, _("You will be told once, when it opens."))
        return SeeOther(here)
    context = {
        "course": offer.course,
        "why": offers.why_not(offer),
        "is_asked": interest.wants_to_know(person_id, offer.course.id),
        "address": person_of(request).email,
    }
    return render(request, "catalog/tell_me.html", context)
