"""The program put together."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from razorpay_sandbox import faults
from razorpay_sandbox.agenda import Agenda
from razorpay_sandbox.api import Api
from razorpay_sandbox.checkout import Checkout
from razorpay_sandbox.clock import Clock
from razorpay_sandbox.control import Control
from razorpay_sandbox.errors import Refusal
from razorpay_sandbox.faults import Fault, Plan
from razorpay_sandbox.gateway import Gateway
from razorpay_sandbox.payer import Payer
from razorpay_sandbox.store import Entity, Store
from razorpay_sandbox.webhooks import Webhooks

# A refund is with the bank for so many (sandbox) seconds.
REFUND_SECONDS = 0.3
SWEEP_SECONDS = 0.25


@dataclass(frozen=True)
class Settings:
    key_id: str
    key_secret: str
    webhook_secrets: tuple[str, ...]
    webhook_urls: tuple[str, ...] = ()
    seed: int = 0
    state: Path | None = None


def build(settings: Settings) -> ASGIApp:
    """The ASGI application of one sandbox account."""
    store, clock, plan = Store(settings.state), Clock(), Plan(settings.seed)
    clock.advance(store.meta.get("clock", {}).get("ahead", 0.0))
    agenda = Agenda(store, clock)
    webhooks = Webhooks(agenda, plan, list(settings.webhook_urls), list(settings.webhook_secrets))

    def announce(event: str, entity: Entity) -> None:
        webhooks.announce(event, entity)
        if event == "refund.created":
            _hand_to_bank(agenda, plan, entity)

    async def at_bank(args: dict[str, Any]) -> float | None:
        return _finish_refund(gateway, args)

    agenda.teach("refund", at_bank)
    gateway = Gateway(store, clock, settings.key_secret, announce)
    payer = Payer(gateway, webhooks, plan)
    control = Control(gateway, webhooks, plan, payer)

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        agenda.resume()
        sweeping = asyncio.create_task(_sweep(gateway))
        yield
        sweeping.cancel()
        agenda.stop()
        store.close()
        await webhooks.close()

    app = Starlette(
        routes=[
            *Checkout(gateway, payer).routes(),
            *Api(gateway, settings.key_id, settings.key_secret).routes(),
            *control.routes(),
        ],
        lifespan=lifespan,
        exception_handlers={400: _unusable, 404: _missing, 405: _missing},
    )
    return Faulty(app, plan, store)


def _hand_to_bank(agenda: Agenda, plan: Plan, refund: Entity) -> None:
    """The bank takes the refund, or does not."""
    fault = plan.draw(("refund_pending_then_failed", "refund_failed_later"))
    pause = float(fault.params.get("ms", 0)) / 1000 if fault is not None else 0.0
    steps = {
        "": ["process"],
        "refund_pending_then_failed": ["wait", "fail"],
        "refund_failed_later": ["process", "fail"],
    }[fault.kind if fault is not None else ""]
    agenda.add("refund", pause or REFUND_SECONDS, refund_id=refund["id"], steps=steps)


def _finish_refund(gateway: Gateway, args: dict[str, Any]) -> float | None:
    refund = gateway.refund_entity(args["refund_id"])
    step = args["steps"].pop(0)
    if step == "process":
        gateway.process_refund(refund)
    elif step == "fail":
        gateway.fail_refund(refund)
    return REFUND_SECONDS if args["steps"] else None


async def _sweep(gateway: Gateway) -> None:
    store, clock = gateway.store, gateway.clock
    while True:
        await asyncio.sleep(SWEEP_SECONDS)
        gateway.sweep()
        ahead = clock.now() - time.time()
        if abs(ahead - store.meta.get("clock", {}).get("ahead", 0.0)) > 1:
            store.meta["clock"] = {"ahead": ahead}
            store.touch("meta", "clock")
        store.save()


async def _missing(request: Any, error: Any) -> JSONResponse:
    refusal = Refusal("The requested URL was not found on the server.", status=error.status_code)
    return JSONResponse(refusal.content, error.status_code)


async def _unusable(request: Any, error: Any) -> JSONResponse:
    return JSONResponse(Refusal(error.detail).content, 400)


class Dropped(ConnectionAbortedError):
    """The connection is closed in the middle of an answer, on purpose."""


class Faulty:
    """Puts faults before the REST API; the control side and the checkout always work."""

    def __init__(self, app: ASGIApp, plan: Plan, store: Store) -> None:
        self.app = app
        self.plan = plan
        self.store = store

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        is_api = scope["type"] == "http" and path.startswith("/v1/")
        send = self._saving(send)
        if not is_api or path.startswith("/v1/checkout"):
            await self.app(scope, receive, send)
            return
        try:
            fault = self._fault(scope, path)
        except ValueError as error:
            await _refuse(send, Refusal(str(error), field="X-Sandbox-Fault"))
            return
        status = 0

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            if fault is None:
                await self.app(scope, receive, noting)
            else:
                await self._break(fault, scope, receive, noting)
        finally:
            self.store.note(
                kind="request",
                method=scope["method"],
                path=path,
                status=status,
                fault=fault.kind if fault is not None else "",
            )

    def _saving(self, send: Send) -> Send:
        """Nothing is answered before it is written down."""

        async def saved(message: Message) -> None:
            if message["type"] == "http.response.start":
                self.store.save()
            await send(message)

        return saved

    def _fault(self, scope: Scope, path: str) -> Fault | None:
        for name, value in scope["headers"]:
            if name == b"x-sandbox-fault":
                return faults.from_header(value.decode("latin-1"))
        return self.plan.draw(faults.HTTP_KINDS, scope["method"], path)

    async def _break(self, fault: Fault, scope: Scope, receive: Receive, send: Send) -> None:
        pause = float(fault.params.get("ms", 100)) / 1000
        if fault.kind == "latency":
            await asyncio.sleep(pause)
            await self.app(scope, receive, send)
        elif fault.kind == "rate_limit":
            await _refuse(send, Refusal("Too many requests", status=429))
        elif fault.kind == "server_error":
            status = int(fault.params.get("status", 500))
            await _refuse(send, Refusal("We are facing some trouble", status=status))
        elif fault.kind == "bad_gateway_html":
            await _plain(send, 502, b"<html><h1>502 Bad Gateway</h1></html>", b"text/html")
        else:
            if fault.kind == "timeout_after_commit":
                await self.app(scope, receive, _swallow)
            if fault.kind != "reset":
                await asyncio.sleep(pause)
            await _drop(send)


async def _refuse(send: Send, refusal: Refusal) -> None:
    await _plain(send, refusal.status, json.dumps(refusal.content).encode(), b"application/json")


async def _plain(send: Send, status: int, body: bytes, media_type: bytes) -> None:
    headers = [(b"content-type", media_type), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _swallow(_message: Message) -> None:
    """Nobody is to hear it."""


async def _drop(send: Send) -> None:
    headers = [(b"content-length", b"1000")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    raise Dropped
