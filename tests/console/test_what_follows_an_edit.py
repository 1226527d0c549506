"""After staff added, changed and deleted a row of every kind, everything still comes through."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from matricula.accounts.models import LearnerGroup
from matricula.catalog.models import CategoryLimit, Cohort, Course
from matricula.edges.console.site import console as site
from matricula.flows.enroll import Application, enroll
from matricula.kernel import effects, outbox
from matricula.notifications.models import Delivery
from matricula.orders.models import RefundStep
from matricula.pricing.models import Coupon, TaxRate
from matricula.support.models import CannedAnswer
from matricula.waitlist.models import PriorityGroup
from matricula.webhooks.models import Delivery as WebhookDelivery
from matricula.webhooks.models import Endpoint
from matricula.webhooks.states import EndpointState
from tests.console import addresses
from tests.console.test_endpoints import FORM as ENDPOINT_FORM
from tests.support.factories import make_course, make_person

pytestmark = pytest.mark.django_db


@dataclass(frozen=True)
class Edit:
    """A kind of row: where its list is, how a form adds one, what a second form changes."""

    model: type[Any]
    listing: str
    form: Callable[[], dict[str, Any]]
    changed: dict[str, Any]
    found: dict[str, Any] = field(default_factory=dict)


EDITS = [
    Edit(
        Course,
        addresses.COURSES,
        lambda: addresses.course_form(slug="walked"),
        {"title": "Other", "duration_weeks": 3},
        {"slug": "walked"},
    ),
    Edit(
        Cohort,
        addresses.COHORTS,
        lambda: addresses.cohort_form(name="Walked", course=str(make_course().pk)),
        {"capacity": 12, "waitlist_enabled": "on"},
        {"name": "Walked"},
    ),
    Edit(
        LearnerGroup,
        addresses.GROUPS,
        lambda: {"name": "Walked", "add": "", "remove": ""},
        {"name": "Walked on"},
        {"name__startswith": "Walked"},
    ),
    Edit(
        CategoryLimit,
        addresses.LIMITS,
        lambda: {"category": "Walked", "most": 2},
        {"most": 3},
        {"category": "Walked"},
    ),
    Edit(
        CannedAnswer,
        addresses.CANNED,
        lambda: {"title": "Walked", "content": "Words", "body": "Words", "text": "Words"},
        {"title": "Walked on"},
        {"title__startswith": "Walked"},
    ),
    Edit(
        PriorityGroup,
        "/console/waitlist/prioritygroup/",
        lambda: {"name": "Walked", "rank": 70},
        {"rank": 71},
        {"name": "Walked"},
    ),
    Edit(
        TaxRate,
        addresses.TAX_RATES,
        lambda: {
            "category": "standard",
            "country": "NL",
            "head": "VAT",
            "percent": "21.00",
            "valid_from_0": "",
            "valid_until_0": "",
        },
        {"percent": "9.50"},
        {"country": "NL"},
    ),
    Edit(
        RefundStep,
        addresses.REFUND_STEPS,
        lambda: {
            "course": str(make_course().pk),
            "until": "before_start",
            "days": 3,
            "percent": 50,
        },
        {"percent": 25},
        {"days": 3},
    ),
    Edit(
        Coupon,
        addresses.COUPONS,
        lambda: {"code": "WALKED", "kind": "percent", "percent": "12.50", "is_active": "on"},
        {"percent": "15"},
        {"code": "WALKED"},
    ),
    Edit(
        Endpoint,
        addresses.ENDPOINTS,
        lambda: dict(ENDPOINT_FORM),
        {"description": "Other"},
        {"url": ENDPOINT_FORM["url"]},
    ),
]


def failed(answer: Any) -> Any:
    if answer.context and "adminform" in answer.context:
        return answer.context["adminform"].form.errors
    return answer.status_code


def edit_all_ways(console: Client, kind: Edit) -> None:
    form = kind.form()
    answer = console.post(f"{kind.listing}add/", form)
    assert answer.status_code == 302, failed(answer)
    row = kind.model.objects.filter(**kind.found).latest("pk")
    answer = console.post(addresses.change(kind.listing, row.pk), form | kind.changed)
    assert answer.status_code == 302, failed(answer)
    answer = console.post(f"{kind.listing}{row.pk}/delete/", {"post": "yes"})
    assert answer.status_code == 302, failed(answer)
    assert not kind.model.objects.filter(pk=row.pk).exists()


def all_that_is_owed() -> None:
    """As the worker's loops do it, until nothing is owed any more."""
    while outbox.dispatch_batch():
        pass
    for name in effects.names():
        while effects.do_due(name):
            pass


def assert_nothing_is_left() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM kernel_outbox")
        assert cursor.fetchone() == (0,)


@pytest.mark.parametrize("kind", EDITS, ids=lambda kind: kind.model.__name__)
def test_mail_and_webhooks_come_through_after_every_edit(console: Client, kind: Edit) -> None:
    told = Endpoint.objects.create(
        url="https://told.example.org/", types=["enrollment.confirmed"], state=EndpointState.ACTIVE
    )
    edit_all_ways(console, kind)
    all_that_is_owed()
    assert_nothing_is_left()
    learner = make_person()
    enroll(Application(learner.pk, make_course().slug))
    all_that_is_owed()
    assert_nothing_is_left()
    assert Delivery.objects.filter(person=learner).exists()
    assert WebhookDelivery.objects.filter(endpoint=told).exists()


def test_every_kind_that_can_be_added_and_deleted_is_walked(console: Client) -> None:
    walked = {kind.model for kind in EDITS}
    # Made by a flow of their own, and never deleted; roles are Django's.
    others = {"Room", "Override", "Seller", "Group", "SuppressedAddress"}
    request = console.get("/console/").wsgi_request
    missing = [
        model.__name__
        for model, admin in site._registry.items()
        if (admin.has_add_permission(request) or admin.has_delete_permission(request))
        and model not in walked
        and model.__name__ not in others
    ]
    assert missing == []
