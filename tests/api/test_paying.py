"""Paying by the API: initialize, pay at the gateway, verify, refund; and what can go wrong."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from matricula.accounts.models import Person
from matricula.payments import gateways
from matricula.payments.errors import GatewayRefused
from matricula.payments.models import Payment
from matricula.payments.port import OrderRequest
from tests.support.paying import assert_books_agree, open_tasks, work
from tests.support.people import ApiClient, client_of, person
from tests.support.sandbox import Sandbox

pytestmark = pytest.mark.django_db
INITIALIZE = "/enrollments/initialize"


@pytest.fixture(autouse=True)
def _books_agree() -> Iterator[None]:
    yield
    assert_books_agree()


@pytest.fixture
def learner() -> Person:
    return person(full_name="Asha Rao")


@pytest.fixture
def api(learner: Person) -> ApiClient:
    return client_of(learner.pk)


def begin(api: ApiClient, key: str | None = None, **fields: Any) -> dict[str, Any]:
    body = {"course_id": "full-stack-development", **fields}
    response = api.request("POST", INITIALIZE, body, key=key)
    assert response.status_code == 201, response.content
    found: dict[str, Any] = response.json()
    return found


def verify(api: ApiClient, made: dict[str, Any], given: dict[str, Any]) -> Any:
    return api.post(f"/enrollments/{made['enrollment_id']}/verify-payment", given)


def test_the_session_asks_for_the_total_with_tax(api: ApiClient, sandbox: Sandbox) -> None:
    made = begin(api, coupon_code="SAVE50")
    assert made["payment_required"] is True
    assert made["status"], made["stage"] == ("pending", "payment_pending")
    assert (made["original_amount"], made["final_amount"]) == (4999.0, 1499.5)
    assert made["total_payable_minor"] == 176_942
    session = made["payment_session"]
    assert session["amount_minor"] == 176_942
    assert session["razorpay_key"] == sandbox.account.key_id
    assert session["payment_url"].endswith(f"/pay/{session['payment_id']}/")
    assert made["user"]["full_name"] == "Asha Rao"
    assert (
        b'"total_payable": 1769.42'
        in api.request("POST", INITIALIZE, {"course_id": "full-stack-development"}).content
    )


def test_again_while_pending_gives_the_same_session(api: ApiClient, sandbox: Sandbox) -> None:
    made = begin(api)
    again = api.post(INITIALIZE, {"course_id": "full-stack-development"})
    assert again.status_code == 200
    assert again.json()["payment_session"] == made["payment_session"]
    other = api.post(INITIALIZE, {"course_id": "full-stack-development", "coupon_code": "SAVE50"})
    assert (other.status_code, other.json()["code"]) == (409, "illegal_state")


def test_nothing_is_held_at_a_price_that_was_not_shown(api: ApiClient, sandbox: Sandbox) -> None:
    body = {"course_id": "full-stack-development", "expected_total_minor": 299_900}
    refused = api.request("POST", INITIALIZE, body, key="shown")
    assert (refused.status_code, refused.json()["code"]) == (422, "amount_mismatch")
    assert refused.json()["total_payable_minor"] == 353_882
    assert not Payment.objects.exists()
    again = api.request("POST", INITIALIZE, body, key="shown")
    assert again.headers["Idempotent-Replayed"] == "true"
    made = begin(api, expected_total_minor=353_882)
    assert made["total_payable_minor"] == 353_882


def test_what_was_shown_as_free_is_not_bought(api: ApiClient, sandbox: Sandbox) -> None:
    body = {"course_id": "full-stack-development", "expected_total_minor": 0}
    assert api.post(INITIALIZE, body).json()["code"] == "amount_mismatch"


def test_a_key_repeats_the_first_answer(api: ApiClient, sandbox: Sandbox) -> None:
    made = begin(api, key="k1")
    again = api.request("POST", INITIALIZE, {"course_id": "full-stack-development"}, key="k1")
    assert again.json() == made
    assert again.headers["Idempotent-Replayed"] == "true"


def test_a_slow_gateway_leaves_the_session_open(api: ApiClient, sandbox: Sandbox) -> None:
    sandbox.faults({"kind": "timeout_after_commit", "times": 1})
    made = begin(api, key="k2")
    assert made["payment_session"] is None
    assert made["retry_after"] == 2
    again = api.request("POST", INITIALIZE, {"course_id": "full-stack-development"}, key="k2")
    assert again.status_code == 200
    assert again.json()["payment_session"]["razorpay_order_id"].startswith("order_")


def test_verified_and_enrolled(api: ApiClient, sandbox: Sandbox) -> None:
    made = begin(api)
    given = sandbox.pay(made["payment_session"]["razorpay_order_id"])
    for _ in range(2):
        response = verify(api, made, given)
        assert response.status_code == 200
        status = response.json()
        assert (status["enrollment_status"], status["payment_status"]) == ("enrolled", "completed")
        assert status["razorpay_payment_id"] == given["razorpay_payment_id"]
    assert api.get("/courses/full-stack-development/access").json()["has_access"] is True


def test_a_forged_signature_is_refused(api: ApiClient, sandbox: Sandbox) -> None:
    made = begin(api)
    given = sandbox.pay(made["payment_session"]["razorpay_order_id"], webhook="never")
    response = verify(api, made, {**given, "razorpay_signature": "0" * 64})
    assert (response.status_code, response.json()["code"]) == (400, "signature_invalid")


def test_a_wrong_amount_is_told_and_kept(api: ApiClient, sandbox: Sandbox) -> None:
    made = begin(api)
    given = sandbox.pay(made["payment_session"]["razorpay_order_id"], amount=100)
    response = verify(api, made, given)
    assert (response.status_code, response.json()["code"]) == (422, "amount_mismatch")
    assert len(open_tasks()) == 1


def test_a_failure_says_why_and_how_to_go_on(api: ApiClient, sandbox: Sandbox) -> None:
    made = begin(api)
    order = made["payment_session"]["razorpay_order_id"]
    error = sandbox.pay(order, vpa="failure@razorpay")["error"]
    from tests.support.paying import hear

    hear(error["metadata"]["payment_id"])
    status = api.get(f"/enrollments/{made['enrollment_id']}/payment-status").json()
    assert status["payment_status"] == "failed"
    assert status["failure"]["code"] == "payment_failed"
    assert "UPI app" in status["failure"]["detail"]
    retried = api.post(f"/enrollments/{made['enrollment_id']}/retry-payment").json()
    assert retried["payment_session"]["razorpay_order_id"] == order


def test_a_coupon_for_all_of_it_enrolls_at_once(api: ApiClient, sandbox: Sandbox) -> None:
    made = begin(api, coupon_code="ONCE")
    assert (made["status"], made["payment_session"]) == ("enrolled", None)
    second = client_of(person().pk).post(
        INITIALIZE, {"course_id": "full-stack-development", "coupon_code": "ONCE"}
    )
    assert (second.status_code, second.json()["code"]) == (422, "coupon_exhausted")


@pytest.mark.parametrize(
    ("code", "expected"), [("NOPE", "coupon_invalid"), ("OLD", "coupon_expired")]
)
def test_a_refused_coupon_holds_nothing(api: ApiClient, code: str, expected: str) -> None:
    body = {"course_id": "full-stack-development", "coupon_code": code}
    response = api.post(INITIALIZE, body)
    assert (response.status_code, response.json()["code"]) == (422, expected)
    assert api.get("/enrollments").json()["items"] == []


def test_refunded_by_policy(api: ApiClient, sandbox: Sandbox) -> None:
    made = begin(api)
    verify(api, made, sandbox.pay(made["payment_session"]["razorpay_order_id"]))
    response = api.post(f"/enrollments/{made['enrollment_id']}/refund", {"reason": "No time"})
    assert response.status_code == 200, response.content
    assert response.json()["status"] == "refunded"
    assert response.json()["payment_status"] == "refunded"
    work()
    again = api.post(f"/enrollments/{made['enrollment_id']}/refund")
    assert again.status_code == 409
    assert Payment.objects.get().state == "captured"


def test_a_cart_holds_all_or_nothing(api: ApiClient, sandbox: Sandbox) -> None:
    others = [client_of(person().pk) for _ in range(2)]
    for other in others:
        assert other.post(INITIALIZE, {"course_id": "evening-lab"}).status_code == 201
    items = [{"course_id": slug} for slug in ("full-stack-development", "evening-lab", "hot-drop")]
    response = api.post("/orders/initialize", {"items": items})
    assert (response.status_code, response.json()["code"]) == (409, "course_full")
    assert "Evening Lab" in response.json()["detail"]
    assert api.get("/enrollments").json()["items"] == []


def test_the_quote_says_what_initialize_will_ask(api: ApiClient) -> None:
    for place, total in (({"state": "Karnataka"}, 176_942), ({"state": "MH"}, 176_941)):
        body = {"coupon_code": "save50", "country": "IN", **place}
        quote = api.post("/courses/full-stack-development/quote", body).json()
        assert quote["total_payable_minor"] == total
    abroad = api.post("/courses/full-stack-development/quote", {"country": "DE"}).json()
    assert abroad["tax_amount_minor"] == 0
    assert "LUT" in abroad["notes"][0]
    wrong = api.post("/courses/full-stack-development/quote", {"country": "IN", "state": "Mars"})
    assert wrong.json()["errors"][0]["field"] == "state"


def test_a_gateway_that_refuses_is_not_to_be_asked_again(
    api: ApiClient, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_self: Any, _request: OrderRequest) -> None:
        raise GatewayRefused("Authentication failed", reason="BAD_REQUEST_ERROR", http_status=401)

    monkeypatch.setattr(gateways.RazorpayProvider, "create_order", refuse)
    made = begin(api)
    assert (made["payment_session"], made.get("retry_after")) == (None, None)
    answer = api.post(f"/enrollments/{made['enrollment_id']}/retry-payment")
    assert (answer.status_code, answer.json()["code"]) == (502, "gateway_unavailable")
    assert answer.json()["retryable"] is False
    assert "Authentication" not in answer.content.decode()
    assert len(open_tasks()) == 1
