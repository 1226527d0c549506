"""The control side, for tests and demonstrations: `/_sandbox`. No keys: it listens on loopback."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from razorpay_sandbox.errors import PaymentFailed, Refusal
from razorpay_sandbox.faults import Plan
from razorpay_sandbox.gateway import Gateway
from razorpay_sandbox.instruments import DECLINED
from razorpay_sandbox.payer import Payer
from razorpay_sandbox.webhooks import Webhooks

_TEXTS = "method vpa card otp description email contact currency"
_REST = "success webhook after_ms amount status then force before_browser"
_OPTIONS = frozenset(f"{_TEXTS} {_REST}".split())
_STATUSES = ("created", "authorized", "captured", "failed")


class Control:
    """Pays, breaks, moves the clock and looks inside."""

    def __init__(self, gateway: Gateway, webhooks: Webhooks, plan: Plan, payer: Payer) -> None:
        self.gateway = gateway
        self.payer = payer
        self.webhooks = webhooks
        self.plan = plan

    def routes(self) -> list[BaseRoute]:
        get, post = ["GET"], ["POST"]
        table = [
            ("/health", get, self._health),
            ("/orders/{id}/pay", post, self.pay),
            ("/payments/{id}/{step}", post, self._step),
            ("/refunds/{id}/{step}", post, self._refund_step),
            ("/faults", ["GET", "POST", "DELETE"], self._faults),
            ("/clock", ["GET", "POST"], self._clock),
            ("/log", get, self._log),
            ("/webhooks", ["GET", "POST"], self._webhooks),
            ("/webhooks/{id}/deliver", post, self._deliver),
            ("/reset", post, self._reset),
        ]
        return [
            Route(f"/_sandbox{path}", endpoint, methods=methods)
            for path, methods, endpoint in table
        ]

    async def pay(self, request: Request) -> Response:
        """Pays the order as its payer would; answers what the checkout gives the browser."""
        try:
            details = await _json(request)
            _known_options(details)
            with self.webhooks.in_mode(_when(details)):
                payment = self.payer.pay(request.path_params["id"], details)
            content, status = self.gateway.hand_back(payment), 200
            if payment["status"] == "created":
                content = {"razorpay_payment_id": payment["id"], "status": "created"}
        except PaymentFailed as failed:
            content, status = failed.content, 400
        except Refusal as refusal:
            return JSONResponse(refusal.content, refusal.status)
        early = self.plan.draw(("webhook_before_browser",))
        if details.get("before_browser") or early is not None:
            await self.webhooks.settle()
        return JSONResponse(content, status)

    async def _step(self, request: Request) -> Response:
        try:
            payment = self.gateway.payment(request.path_params["id"])
        except Refusal as refusal:
            return JSONResponse(refusal.content, 404)
        step = request.path_params["step"]
        if step == "authorize":
            self.gateway.authorize(payment)
        elif step == "capture":
            self.gateway.capture(payment)
        elif step == "fail":
            self.gateway.fail(payment, DECLINED)
        elif step == "dispute":
            asked = await _json(request)
            phase, amount = str(asked.get("phase", "created")), asked.get("amount")
            return JSONResponse(self.gateway.dispute(payment["id"], phase, amount))
        else:
            return JSONResponse({"error": f"no step {step}"}, 404)
        return JSONResponse(payment)

    async def _refund_step(self, request: Request) -> Response:
        try:
            refund = self.gateway.refund_entity(request.path_params["id"])
        except Refusal as refusal:
            return JSONResponse(refusal.content, 404)
        if request.path_params["step"] == "fail":
            self.gateway.fail_refund(refund)
        else:
            self.gateway.process_refund(refund)
        return JSONResponse(refund)

    async def _faults(self, request: Request) -> Response:
        if request.method == "POST":
            body = await _json(request)
            try:
                self.plan.set(int(body.get("seed", 0)), list(body.get("faults", [])))
            except (ValueError, TypeError) as error:
                return JSONResponse({"error": str(error)}, 400)
        elif request.method == "DELETE":
            self.plan.set(0, [])
        return JSONResponse(self.plan.shown())

    async def _clock(self, request: Request) -> Response:
        clock = self.gateway.clock
        if request.method == "POST":
            body = await _json(request)
            try:
                rate = float(body.get("rate", clock.rate))
                seconds = float(body.get("advance_seconds", 0))
            except (TypeError, ValueError):
                return JSONResponse({"error": "rate and advance_seconds are numbers"}, 400)
            if not 0 < rate < math.inf or not math.isfinite(seconds):
                return JSONResponse({"error": "rate is more than 0; both are finite"}, 400)
            clock.set_rate(rate)
            clock.advance(seconds)
        return JSONResponse({"now": clock.now(), "rate": clock.rate})

    async def _log(self, request: Request) -> Response:
        after, limit = _whole(request, "after", 0), _whole(request, "limit", 1000)
        found = [entry for entry in self.gateway.store.log if entry["number"] > after]
        return JSONResponse({"items": found[-limit:]})

    async def _webhooks(self, request: Request) -> Response:
        if request.method == "POST":
            body = await _json(request)
            self.webhooks.urls = [body["url"]] if body.get("url") else []
            self.webhooks.secrets = list(body.get("secrets") or self.webhooks.secrets)
            self.webhooks.is_disabled = False
        events = list(self.gateway.store.events.values())
        return JSONResponse(
            {
                "urls": self.webhooks.urls,
                "is_disabled": self.webhooks.is_disabled,
                "items": events[-_whole(request, "limit", 100) :],
            }
        )

    async def _deliver(self, request: Request) -> Response:
        event_id = request.path_params["id"]
        if event_id not in self.gateway.store.events:
            return JSONResponse({"error": "no such event"}, 404)
        sent = await self.webhooks.deliver(event_id, await _json(request))
        return JSONResponse({"deliveries": sent})

    async def _health(self, request: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def _reset(self, request: Request) -> Response:
        self.gateway.store.clear()
        self.gateway.clock.reset()
        self.plan.set(0, [])
        self.webhooks.is_disabled = False
        return JSONResponse({"status": "ok"})


async def _json(request: Request) -> dict[str, Any]:
    raw = await request.body()
    try:
        body = await request.json() if raw else {}
    except ValueError:
        raise HTTPException(400, "The body is not JSON.") from None
    if not isinstance(body, dict):
        raise HTTPException(400, "The body must be a JSON object.")
    return body


def _known_options(details: Mapping[str, Any]) -> None:
    """Raises Refusal for what pay does not know: a misspelt option would test nothing."""
    for name in details:
        if name not in _OPTIONS:
            raise Refusal(f"pay takes {', '.join(sorted(_OPTIONS))}, not {name}", field=name)
    if details.get("method", "upi") not in ("upi", "card", "netbanking", "wallet"):
        raise Refusal("There is no such method.", field="method")
    steps = [details, *details.get("then", [])]
    if any(s.get("status", "captured") not in _STATUSES for s in steps):
        raise Refusal(f"A status is one of {', '.join(_STATUSES)}", field="status")


def _when(details: Mapping[str, Any]) -> str | float:
    """When the webhooks go: now, never, or after so many seconds. Raises Refusal."""
    wish = details.get("webhook", "now")
    if wish in ("now", "never"):
        return str(wish)
    if isinstance(wish, Mapping):
        wish = wish.get("after_ms", 0)
    elif wish == "after_ms":
        wish = details.get("after_ms", 0)
    try:
        return max(0.0, float(str(wish).removeprefix("after:")) / 1000)
    except ValueError:
        raise Refusal('webhook is "now", "never" or {"after_ms": 500}', field="webhook") from None


def _whole(request: Request, name: str, default: int) -> int:
    text = request.query_params.get(name, str(default))
    if not text.isascii() or not text.isdigit():
        raise HTTPException(400, f"{name} is a whole number.")
    return int(text)
