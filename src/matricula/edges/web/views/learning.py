"""What a person has: their courses, and each course's home."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from matricula.access import queries as access
from matricula.catalog import queries as catalog
from matricula.catalog.models import CourseStatus
from matricula.edges.web import progress, purchases, queueing, suggested
from matricula.edges.web.guard import page, person_of
from matricula.enrollments import queries as enrollments
from matricula.flows import standing
from matricula.kernel import ids
from matricula.kernel.errors import NotFound

FORBIDDEN = 403
# On the first page; the rest stands under its own tab.
RECENT_ORDERS = 3


@page("GET")
@login_required
def my_courses(request: HttpRequest) -> HttpResponse:
    """The person's enrollments, the running ones first, a page at a time."""
    before = request.GET.get("before")
    records = enrollments.list_of_person(
        person_of(request).pk, before=ids.from_text("enr", before) if before else None
    )
    entries = [progress.summary_of(record) for record in records]
    is_full_page = len(entries) == enrollments.PAGE
    waits = [] if before else standing.of_person(person_of(request).pk)
    context = {
        "waitlists": [queueing.waiting_of(place) for place in waits if place.entry.is_open],
        "purchases": []
        if before
        else purchases.purchases_of(person_of(request).pk, limit=RECENT_ORDERS),
        "running": [entry for entry in entries if entry.is_live],
        "ended": [entry for entry in entries if not entry.is_live],
        "is_first_page": not before,
        "older_url": f"{reverse('my_courses')}?before={entries[-1].reference}"
        if is_full_page
        else "",
    }
    return render(request, "learning/my_courses.html", context)


@page("GET")
@login_required
def course_home(request: HttpRequest, slug: str) -> HttpResponse:
    """The inside of a course, for those who have access; for others, why not and the way in."""
    course = catalog.course_at(slug, hidden=True)
    found = access.access_to(person_of(request).pk, course.id)
    if course.status == CourseStatus.DRAFT and found.enrollment is None:
        raise NotFound
    context = {"course": course, "access": found}
    if not found.granted or found.enrollment is None:
        return render(request, "learning/no_access.html", context, status=FORBIDDEN)
    cohort_id = found.enrollment.cohort_id
    context["cohort"] = next((plan for plan in course.cohorts if plan.id == cohort_id), None)
    context["suggested"] = suggested.beside(course.id, person_of(request).pk)
    context["enrollment_reference"] = ids.to_text("enr", found.enrollment.id)
    return render(request, "learning/course_home.html", context)
