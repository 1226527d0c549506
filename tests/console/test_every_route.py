"""What holds for every address of the console."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.contrib.auth.models import Permission
from django.test import Client, RequestFactory

from matricula.edges.console import recording
from matricula.edges.console.site import console as site
from matricula.pricing.models import Coupon, TaxRate
from tests.console import addresses
from tests.console.addresses import events_of
from tests.console.conftest import sign_in
from tests.support.factories import make_course, make_person
from tests.support.routes import every_address

pytestmark = pytest.mark.django_db

# Every member of staff may open these; they show only what that person may see.
FOR_ALL_STAFF = {
    "/console/",
    "/console/search/",
    "/console/login/",
    "/console/logout/",
    "/console/password_change/",
    "/console/password_change/done/",
    "/console/jsi18n/",
}
# These lead on, to a page that asks for the right, and tell nothing.
LEAD_ON = (302, 301)


def console_addresses() -> list[str]:
    return [path for path in every_address() if path.startswith("/console/")]


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_staff_without_rights_get_into_nothing(method: str) -> None:
    client = sign_in(make_person(is_staff=True))
    client.raise_request_exception = False
    open_to_them = []
    for path in console_addresses():
        if path in FOR_ALL_STAFF:
            continue
        answer = client.generic(method, path)
        leads_on = answer.status_code in LEAD_ON and answer["Location"] == f"{path}change/"
        if answer.status_code not in {403, 404, 405} and not leads_on:
            open_to_them.append(f"{answer.status_code} {path}")
    assert open_to_them == []


def test_the_letters_need_the_right_to_see_mail() -> None:
    somebody = make_person(is_staff=True)
    path = f"{addresses.DELIVERIES}letters/"
    assert sign_in(somebody).get(path).status_code == 403
    somebody.user_permissions.add(
        Permission.objects.get(codename="view_delivery", content_type__app_label="notifications")
    )
    assert sign_in(somebody).get(path).status_code == 200


def test_a_history_is_read_and_nothing_else(console: Client) -> None:
    for path in console_addresses():
        if path.endswith("/history/"):
            answer = console.post(path)
            assert (answer.status_code, answer["Allow"]) == (405, "GET, HEAD"), path


def test_a_row_is_locked_only_inside_a_transaction(monkeypatch: pytest.MonkeyPatch) -> None:
    """An action without one of its own read the row under a lock, and failed."""
    coupon = Coupon.objects.create(code="BATCH", kind="percent", percent=Decimal(5))
    locking: list[bool] = []

    class Connection:
        in_atomic_block = False

    monkeypatch.setattr(recording.transaction, "get_connection", Connection)
    monkeypatch.setattr(
        Coupon.objects, "select_for_update", lambda **_options: locking.append(True)
    )
    admin = site._registry[Coupon]
    assert admin.get_object(RequestFactory().post("/"), str(coupon.pk)) == coupon
    assert locking == []


@pytest.mark.parametrize("broken", ["x", "1", "9" * 50, "ü", "[]"])
def test_an_id_that_is_none_is_a_mistake_in_its_field(console: Client, broken: str) -> None:
    form = addresses.course_form(make_course(with_cohort=False), prerequisites=[broken])
    course = make_course(with_cohort=False)
    for path, sent in (
        (f"{addresses.COHORTS}add/", addresses.cohort_form(course=broken)),
        (f"{addresses.OVERRIDES}add/", {"cohort": broken}),
        (f"{addresses.ROOMS}add/", {"cohort": broken}),
        (f"{addresses.REFUND_STEPS}add/", {"course": broken, "until": "start", "percent": "5"}),
        (addresses.change(addresses.COURSES, course.pk), form),
    ):
        answer = console.post(path, sent)
        assert answer.status_code == 200, path
        assert answer.context["errors"], path
    assert console.get(f"{addresses.COHORTS}add/?course={broken}").status_code == 200


def test_a_deleted_rate_is_in_the_log_with_its_percentage(console: Client) -> None:
    rate = TaxRate.objects.create(country="NL", head="VAT", percent=Decimal("21.00"))
    subject = site._registry[TaxRate].subject_of(rate)  # type: ignore[attr-defined]
    answer = console.post(f"{addresses.TAX_RATES}{rate.pk}/delete/", {"post": "yes"})
    assert answer.status_code == 302
    (event,) = events_of(subject)
    assert event.data["changes"]["percent"] == {"old": "21.00", "new": None}
