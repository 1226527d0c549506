"""Razorpay's REST API, `/v1` (https://razorpay.com/docs/api/)."""

from __future__ import annotations

import base64
import hmac
from collections.abc import Callable, Iterable
from itertools import islice
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from razorpay_sandbox import rules
from razorpay_sandbox.errors import NO_SUCH_ID, Refusal
from razorpay_sandbox.gateway import Gateway
from razorpay_sandbox.store import Entity

MOST_ITEMS = 100
Handler = Callable[[Request], Any]


class Api:
    """The operations, for one account."""

    def __init__(self, gateway: Gateway, key_id: str, key_secret: str) -> None:
        self.gateway = gateway
        self._account = f"{key_id}:{key_secret}".encode()

    def routes(self) -> list[BaseRoute]:
        gateway, store = self.gateway, self.gateway.store
        get, post, patch = ["GET"], ["POST"], ["PATCH"]
        table: list[tuple[str, list[str], Handler]] = [
            ("/orders", post, self._create_order),
            ("/orders", get, self._list_orders),
            ("/orders/{id}", get, lambda r: gateway.order(r.path_params["id"])),
            ("/orders/{id}", patch, lambda r: self._edit(gateway.order, r)),
            ("/orders/{id}/payments", get, self._payments_of_order),
            ("/payments", get, lambda r: _page(r, store.payments.values())),
            ("/payments/{id}", get, lambda r: gateway.payment(r.path_params["id"])),
            ("/payments/{id}", patch, lambda r: self._edit(gateway.payment, r)),
            ("/payments/{id}/capture", post, self._capture),
            ("/payments/{id}/refund", post, self._refund),
            ("/payments/{id}/refunds", get, self._refunds_of_payment),
            ("/payments/{id}/refunds/{rid}", get, self._refund_of_payment),
            ("/refunds", get, lambda r: _page(r, store.refunds.values())),
            ("/refunds/{id}", get, lambda r: gateway.refund_entity(r.path_params["id"])),
            ("/disputes", get, lambda r: _page(r, store.disputes.values())),
            ("/disputes/{id}", get, lambda r: gateway.dispute_entity(r.path_params["id"])),
        ]
        return [
            Route(f"/v1{path}", self._guarded(handler), methods=methods)
            for path, methods, handler in table
        ]

    def _guarded(self, handler: Handler) -> Callable[[Request], Any]:
        """Basic auth, and answers as JSON."""

        async def answer(request: Request) -> Response:
            if not self._is_ours(request):
                refusal = Refusal("The api key provided is invalid", status=401)
                return JSONResponse(refusal.content, 401)
            try:
                found = handler(request)
                content = await found if hasattr(found, "__await__") else found
            except Refusal as refusal:
                return JSONResponse(refusal.content, refusal.status)
            return JSONResponse(content)

        return answer

    def _is_ours(self, request: Request) -> bool:
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "basic":
            return False
        try:
            return hmac.compare_digest(base64.b64decode(given), self._account)
        except ValueError:
            return False

    async def _create_order(self, request: Request) -> Entity:
        return self.gateway.create_order(await _body(request))

    def _list_orders(self, request: Request) -> Entity:
        store = self.gateway.store
        receipt = request.query_params.get("receipt")
        if receipt is None:
            return _page(request, store.orders.values())
        return _page(request, [store.orders[found] for found in store.by_receipt.get(receipt, [])])

    async def _edit(self, find: Callable[[str], Entity], request: Request) -> Entity:
        entity, body = find(request.path_params["id"]), await _body(request)
        rules.known_fields(body, frozenset({"notes"}))
        entity["notes"] = rules.notes(body.get("notes"))
        self.gateway.store.touch_entity(entity)
        return entity

    def _payments_of_order(self, request: Request) -> Entity:
        order = self.gateway.order(request.path_params["id"])
        return _collection(list(self.gateway.store.payments_of(order["id"])))

    async def _capture(self, request: Request) -> Entity:
        return self.gateway.capture_by_api(request.path_params["id"], await _body(request))

    async def _refund(self, request: Request) -> Entity:
        key = request.headers.get("x-refund-idempotency")
        return self.gateway.refund(request.path_params["id"], await _body(request), key)

    def _refunds_of_payment(self, request: Request) -> Entity:
        payment = self.gateway.payment(request.path_params["id"])
        return _page(request, self.gateway.store.refunds_of(payment["id"]))

    def _refund_of_payment(self, request: Request) -> Entity:
        refund = self.gateway.refund_entity(request.path_params["rid"])
        if refund["payment_id"] != request.path_params["id"]:
            raise Refusal(NO_SUCH_ID)
        return refund


async def _body(request: Request) -> dict[str, Any]:
    """A JSON object, or a form."""
    raw = await request.body()
    if not raw:
        return {}
    if "form" in request.headers.get("content-type", ""):
        return {name: str(value) for name, value in (await request.form()).items()}
    try:
        body = await request.json()
    except ValueError:
        raise Refusal("The request body is not valid JSON.") from None
    if not isinstance(body, dict):
        raise Refusal("The request body must be a JSON object.")
    if not rules.is_text(body):
        raise Refusal("The request body holds half a character.")
    return body


def _page(request: Request, entities: Iterable[Entity]) -> Entity:
    """The newest first; `from`, `to`, `count` (at most 100) and `skip`."""
    count = _number(request, "count", 10)
    if count > MOST_ITEMS:
        raise Refusal("The count may not be greater than 100.", field="count")
    begin, end = _number(request, "from", 0), _number(request, "to", 2**40)
    skip = _number(request, "skip", 0)
    fitting = (e for e in reversed(list(entities)) if begin <= e["created_at"] <= end)
    return _collection(list(islice(fitting, skip, skip + count)))


def _collection(items: list[Entity]) -> Entity:
    return {"entity": "collection", "count": len(items), "items": items}


def _number(request: Request, name: str, default: int) -> int:
    text = request.query_params.get(name)
    if text is None:
        return default
    if not text.isascii() or not text.isdigit():
        raise Refusal(f"The {name} must be an integer.", field=name)
    return int(text)
