"""Carts and orders, as JSON."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpRequest, HttpResponse
from ninja import Query, Router, Schema
from pydantic import Field

from matricula.edges.api import enrollment_schemas as schemas
from matricula.edges.api import idempotent
from matricula.edges.api.answers import answer
from matricula.edges.api.authentication import SignedIn, active_person_id
from matricula.edges.api.checkout_input import terms_of
from matricula.edges.api.enrollment_json import REFUSALS, order, retry_after, session
from matricula.edges.api.schemas import Cursor, Problem
from matricula.flows import cart, pay
from matricula.flows.cart import Wish
from matricula.kernel import cursors, ids
from matricula.kernel.errors import FieldError, Guidance, ValidationFailed
from matricula.orders import queries

router = Router(tags=["Orders"], auth=SignedIn())


class ListQuery(Schema):
    cursor: Cursor | None = None
    limit: int = Field(queries.PAGE, ge=1, le=100)


@router.post(
    "/orders/initialize",
    response={201: schemas.CheckoutAnswer, 402: Problem, 403: Problem, 503: Problem, **REFUSALS},
)
def check_out(request: HttpRequest, payload: schemas.CartCheckout) -> HttpResponse:
    """Buys several courses at once: every seat is held or none, one payment, one invoice."""
    person_id = active_person_id(request)

    def work() -> HttpResponse:
        codes = [payload.coupon_code] if payload.coupon_code else []
        wishes = [_wish(place, item) for place, item in enumerate(payload.items)]
        placed = cart.buy(person_id, wishes, codes=codes, terms=terms_of(payload))
        found = None
        if placed.payment_id is not None:
            found = pay.open_session(placed.order_id, placed.claims[0].hold_expires_at)
        made = schemas.CheckoutAnswer(
            order=order(queries.find(placed.order_id, person_id)),
            payment_session=session(found),
            retry_after=retry_after(found),
        )
        return answer(made, 201)

    return idempotent.over_several(request, person_id, work)


@router.get("/orders", response={200: schemas.OrderList, **REFUSALS})
def list_orders(request: HttpRequest, filters: Query[ListQuery]) -> HttpResponse:
    """The person's orders, newest first."""
    person_id = active_person_id(request)
    before: UUID | None = None
    if filters.cursor is not None:
        (last,) = cursors.read(filters.cursor, str)
        before = ids.from_text("ord", last)
    found = queries.list_of_person(person_id, before=before, limit=filters.limit + 1)
    page = found[: filters.limit]
    more = len(found) > filters.limit
    return answer(
        schemas.OrderList(
            items=[order(row) for row in page],
            next_cursor=cursors.make(ids.to_text("ord", page[-1].id)) if more else None,
        )
    )


@router.get("/orders/{order_id}", response={200: schemas.Order, **REFUSALS})
def get_order(request: HttpRequest, order_id: str) -> HttpResponse:
    """One order of the person."""
    person_id = active_person_id(request)
    return answer(order(queries.find(ids.from_text("ord", order_id), person_id)))


def _wish(place: int, item: schemas.CheckoutItem) -> Wish:
    if item.course_id is None:
        message = "Name the course."
        field = f"items.{place}.course_id"
        raise ValidationFailed(guidance=Guidance(errors=[FieldError(field, message)]))
    cohort_id = ids.from_text("coh", item.cohort_id) if item.cohort_id else None
    return Wish(item.course_id, cohort_id)
