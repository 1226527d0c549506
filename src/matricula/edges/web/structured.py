"""What search engines and social sites are told of a course.

Terms: https://schema.org/Course, /CourseInstance, /Offer, as Google reads them
(https://developers.google.com/search/docs/appearance/structured-data/course-info); cards by
https://ogp.me. Guests' facts only: the same for everybody.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from django.conf import settings
from django.urls import reverse
from django.utils.safestring import SafeString, mark_safe

from matricula.flows.offer import ButtonState, CohortOffer, CourseOffer

MOST_INSTANCES = 6
_SCHEMA = "https://schema.org"
_AVAILABILITY = {
    ButtonState.COURSE_FULL: "SoldOut",
    ButtonState.REGISTRATION_CLOSED: "OutOfStock",
    ButtonState.NOT_AVAILABLE: "OutOfStock",
}
# So that no text can end the script element, nor begin another (as Django's json_script does).
_ESCAPES = {ord("<"): "\\u003C", ord(">"): "\\u003E", ord("&"): "\\u0026"}


def absolute(name: str, *args: str) -> str:
    """The whole address of a page."""
    return f"{settings.ENVIRONMENT.base_url}{reverse(name, args=args)}"


def course_json_ld(offer: CourseOffer) -> SafeString:
    """The course as JSON-LD, ready to stand in a script element. It is a data block: nothing runs,
    so the Content-Security-Policy has nothing to say about it."""
    text = json.dumps(_course(offer), ensure_ascii=False, separators=(",", ":"))
    return mark_safe(text.translate(_ESCAPES))  # noqa: S308 - escaped just here


def _course(offer: CourseOffer) -> dict[str, Any]:
    course = offer.course
    url = absolute("course", course.slug)
    found: dict[str, Any] = {
        "@context": _SCHEMA,
        "@type": "Course",
        "@id": url,
        "url": url,
        "name": course.title,
        "description": course.summary or course.title,
        "inLanguage": course.language,
        "image": absolute("course_card", course.slug),
        "provider": {
            "@type": "Organization",
            "name": settings.SITE_NAME,
            "sameAs": settings.ENVIRONMENT.base_url,
        },
        "offers": [_price(offer)],
    }
    if course.category:
        found["about"] = course.category
    shown = [part for part in course.prerequisites if part.slug]
    if shown:
        found["coursePrerequisites"] = [
            {
                "@type": "Course",
                "name": part.title,
                "url": absolute("course", part.slug),
            }
            for part in shown
        ]
    coming = [cohort for cohort in offer.cohorts if cohort.window != "after"]
    if coming:
        found["hasCourseInstance"] = [_instance(offer, one) for one in coming[:MOST_INSTANCES]]
    return found


def _price(offer: CourseOffer) -> dict[str, Any]:
    price = offer.course.price
    amount = price.current(offer.at) if price is not None else None
    found: dict[str, Any] = {
        "@type": "Offer",
        "category": "Paid" if amount else "Free",
        "price": str(amount.major) if amount else "0",
        "priceCurrency": amount.currency if amount else settings.CURRENCY,
        "availability": f"{_SCHEMA}/{_AVAILABILITY.get(offer.button, 'InStock')}",
        "url": absolute("course", offer.course.slug),
    }
    if price is not None and price.on_sale(offer.at) and price.sale_ends_at is not None:
        found["priceValidUntil"] = _moment(price.sale_ends_at)
    return found


def _instance(offer: CourseOffer, cohort: CohortOffer) -> dict[str, Any]:
    plan, course = cohort.plan, offer.course
    place = next((meeting.place for meeting in plan.meetings if meeting.place), "")
    found: dict[str, Any] = {
        "@type": "CourseInstance",
        "name": plan.name,
        "courseMode": "Onsite" if place else "Online",
    }
    if place:
        found["location"] = place
    if plan.starts_at is not None:
        found["startDate"] = _moment(plan.starts_at)
    if plan.ends_at is not None:
        found["endDate"] = _moment(plan.ends_at)
    if course.duration_weeks:
        found["courseSchedule"] = {
            "@type": "Schedule",
            "repeatFrequency": "Weekly",
            "repeatCount": course.duration_weeks,
        }
    if course.instructor_name:
        found["instructor"] = {"@type": "Person", "name": course.instructor_name}
    if cohort.seats.capacity is not None:
        found["maximumAttendeeCapacity"] = cohort.seats.capacity
        found["remainingAttendeeCapacity"] = cohort.seats.left
    return found


def _moment(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")
