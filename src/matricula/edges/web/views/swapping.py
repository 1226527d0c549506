"""Exchanging a seat for one in another intake of the same course."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _

from matricula.edges.web import offers, progress
from matricula.edges.web.guard import SeeOther, page, person_of
from matricula.edges.web.views.enrolling import refused
from matricula.enrollments import queries as enrollments
from matricula.enrollments.queries import EnrollmentRecord
from matricula.flows import swap as flow
from matricula.kernel import ids
from matricula.kernel.errors import DomainError, NotFound

UNPROCESSABLE = 422


@page("GET", "POST")
@login_required
def swap(request: HttpRequest, reference: str) -> HttpResponse:
    """GET shows the other intakes; POST swaps. Sending it twice swaps once."""
    enrollment_id, person_id = ids.from_text("enr", reference), person_of(request).pk
    record = enrollments.of_person(person_id, enrollment_id)
    if request.method == "POST" and request.POST.get("cohort"):
        return _swap(request, record, request.POST["cohort"])
    ways = flow.ways_on(record)
    is_sent = request.method == "POST"
    context = {
        "summary": progress.summary_of(record),
        "why_not": _(why) if (why := flow.why_not(record)) else "",
        "intakes": [offers.intake_of(ways.course, cohort) for cohort in ways.now],
        "waited_for": [offers.intake_of(ways.course, cohort) for cohort in ways.waited_for],
        "is_paid": flow.is_paid_for(record),
        "nothing_chosen": is_sent,
    }
    status = UNPROCESSABLE if is_sent else 200
    return render(request, "enrollments/swap.html", context, status=status)


def _swap(request: HttpRequest, record: EnrollmentRecord, reference: str) -> HttpResponse:
    person_id = person_of(request).pk
    try:
        taken = flow.swap(record.id, person_id, ids.from_text("coh", reference), actor_id=person_id)
    except NotFound:
        raise
    except DomainError as error:
        return refused(request, flow.course_of(record), error)
    messages.success(request, _("Swapped. This is your seat now."))
    return SeeOther(reverse("enrollment", args=[ids.to_text("enr", taken.id)]))
