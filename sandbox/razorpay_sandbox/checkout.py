"""The hosted checkout: `checkout.js` for pages with scripts, a form for those without. It marks
itself clearly as a sandbox, and works wholly without JavaScript.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from importlib import resources
from urllib.parse import urlsplit

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from razorpay_sandbox import rules
from razorpay_sandbox.errors import PaymentFailed, Refusal
from razorpay_sandbox.gateway import Gateway
from razorpay_sandbox.payer import Payer
from razorpay_sandbox.store import Entity

_KEPT = (
    "key_id",
    "order_id",
    "name",
    "description",
    "callback_url",
    "cancel_url",
    "mode",
    "opener",
    "redirect",
    "timeout",
    "ends",
    "prefill[name]",
    "prefill[email]",
    "prefill[contact]",
)
_LONG = 8  # digits
_MEDIA = {"js": "text/javascript", "css": "text/css"}
_CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; base-uri 'none'"
)


@dataclass(frozen=True)
class Visit:
    """What the shop asked for: carried from page to page in hidden fields."""

    fields: Mapping[str, str]

    def __getitem__(self, name: str) -> str:
        return self.fields.get(name, "")

    @property
    def is_framed(self) -> bool:
        return self["mode"] == "frame"

    @property
    def hands_failures_back(self) -> bool:
        """Whether the shop is told of an attempt that failed, or the payer may try again here.
        `redirect` says so; without it a form hands back, and a frame lets them try again."""
        return self["redirect"] == "true" or (not self.is_framed and self["redirect"] != "false")

    def begun(self, now: float) -> Visit:
        """With the moment at which its `timeout`, in seconds, is over."""
        seconds = self["timeout"]
        if self["ends"] or not (seconds.isascii() and seconds.isdigit() and len(seconds) < _LONG):
            return self
        return Visit({**self.fields, "ends": str(now + int(seconds))})

    def is_over(self, now: float) -> bool:
        try:
            return bool(self["ends"]) and now >= float(self["ends"])
        except ValueError:
            return False

    def hidden(self) -> str:
        return "".join(_hidden(name, value) for name, value in self.fields.items())


class Checkout:
    """The pages. Each POST carries the whole visit, so that nothing is kept here."""

    def __init__(self, gateway: Gateway, payer: Payer) -> None:
        self.gateway = gateway
        self.payer = payer

    def routes(self) -> list[BaseRoute]:
        both, post = ["GET", "POST"], ["POST"]
        return [
            Route("/", _home),
            Route("/v1/checkout.js", _static("checkout.js")),
            Route("/v1/checkout/page.js", _static("page.js")),
            Route("/v1/checkout/page.css", _static("page.css")),
            Route("/v1/checkout/embedded", self._form, methods=both),
            Route("/v1/checkout/begin", self._begin, methods=post),
            Route("/v1/checkout/finish", self._finish, methods=post),
            Route("/v1/checkout/cancel", self._cancel, methods=post),
        ]

    async def _form(self, request: Request) -> Response:
        """Which method to pay by."""
        given = request.query_params if request.method == "GET" else await request.form()
        visit = _visit(given)
        try:
            order = self.gateway.order(visit["order_id"])
        except Refusal as refusal:
            return _page("Not possible", f"<p>{escape(str(refusal))}</p>", 400)
        if order["status"] == "paid":
            return _page("Paid already", "<p>This order has been paid for already.</p>", 400)
        visit = visit.begun(self.gateway.clock.now())
        return _page("Pay", _methods(visit, order))

    async def _begin(self, request: Request) -> Response:
        """A method was chosen: UPI ends at once, a card asks for its one-time password, a bank
        shows its page."""
        form = await request.form()
        visit, method = _visit(form), _text(form, "method")
        if visit.is_over(self.gateway.clock.now()):
            return _over(visit)
        if method == "upi":
            return self._end(visit, method, {"vpa": _text(form, "vpa") or "success@razorpay"})
        if method == "card":
            return _page("One-time password", _otp(visit, _text(form, "card")))
        return _page("Demo bank", _bank(visit, method))

    async def _finish(self, request: Request) -> Response:
        form = await request.form()
        visit, method = _visit(form), _text(form, "method")
        if visit.is_over(self.gateway.clock.now()):
            return _over(visit)
        otp = _text(form, "otp")
        is_good = _text(form, "result") == "success"
        if method == "card":
            is_good = otp.isascii() and otp.isdigit() and 4 <= len(otp) <= 10
        details = {"card": _text(form, "card"), "success": is_good}
        return self._end(visit, method, details)

    async def _cancel(self, request: Request) -> Response:
        visit = _visit(await request.form())
        if visit.is_framed:
            return _page("Closed", _message(visit, {"event": "dismiss"}))
        target = visit["cancel_url"] or visit["callback_url"]
        if urlsplit(target).scheme not in {"http", "https"}:
            return _page("Cancelled", "<p>The payment was cancelled. You may close this page.</p>")
        return RedirectResponse(target, 303)

    def _end(self, visit: Visit, method: str, details: dict[str, object]) -> Response:
        """The payment is made; the shop is told by the browser."""
        more = {"email": visit["prefill[email]"], "contact": visit["prefill[contact]"]}
        try:
            paid = {"method": method or "upi", **details, **more}
            payment = self.payer.pay(visit["order_id"], paid)
        except Refusal as refusal:
            return _page("Not possible", f"<p>{escape(str(refusal))}</p>", 400)
        except PaymentFailed as failed:
            return self._failed(visit, failed)
        given = self.gateway.hand_back(payment)
        if visit.is_framed:
            return _page("Paid", _message(visit, {"event": "success", "response": given}))
        return _page("Paid", _hand_over(visit, given, "Payment successful", "Return to the shop"))

    def _failed(self, visit: Visit, failed: PaymentFailed) -> Response:
        error = failed.content["error"]
        if visit.is_framed and visit.hands_failures_back:
            return _page("Failed", _message(visit, {"event": "failed_for_good", "error": error}))
        if not visit.hands_failures_back:
            order = self.gateway.order(visit["order_id"])
            sent = _message(visit, {"event": "failed", "error": error}) if visit.is_framed else ""
            return _page("Pay", sent + _methods(visit, order, error["description"]))
        fields = {f"error[{name}]": str(value) for name, value in error.items()}
        fields["error[metadata]"] = json.dumps(error["metadata"])
        return _page(
            "Payment failed",
            _hand_over(visit, fields, str(error["description"]), "Return to the shop"),
        )


def _over(visit: Visit) -> Response:
    """The time that the shop gave is over: nothing is paid any more."""
    words = "<p>The time to pay is over. Nothing was charged.</p>"
    if visit.is_framed:
        return _page("Too late", words + _message(visit, {"event": "dismiss", "reason": "timeout"}))
    target = visit["cancel_url"]
    if urlsplit(target).scheme in {"http", "https"}:
        words += f'<p><a href="{escape(target)}">Return to the shop</a></p>'
    return _page("Too late", words)


def _visit(given: Mapping[str, object] | FormData) -> Visit:
    return Visit({name: str(given[name])[:2000] for name in _KEPT if given.get(name)})


def _text(form: FormData, name: str) -> str:
    return str(form.get(name) or "").strip()[:100]


def _methods(visit: Visit, order: Entity, problem: str = "") -> str:
    amount = rules.shown(order["amount"], order["currency"])
    notice = f'<p class="problem" role="alert">{escape(problem)}</p>' if problem else ""
    return f"""
<p class="shop">{escape(visit["name"] or "Demo shop")}</p>
<p class="amount">{escape(amount)}</p>
<p class="about">{escape(visit["description"])}</p>{notice}
{_open("begin", visit, "upi")}
<h2>UPI</h2>
<div class="qr" aria-hidden="true"></div>
<p>Scan the code with any UPI app. In the sandbox, this button stands for it:</p>
<button name="vpa" value="success@razorpay">I have paid by UPI</button></form>
{_open("begin", visit, "upi")}
<label for="vpa">UPI ID</label>
<input id="vpa" name="vpa" required value="success@razorpay" autocomplete="off"
 aria-describedby="vpa-help">
<p class="help" id="vpa-help">success@razorpay pays, failure@razorpay fails.</p>
<button>Pay by UPI ID</button></form>
{_open("begin", visit, "card")}
<h2>Card</h2>
<label for="card">Card number</label>
<input id="card" name="card" required inputmode="numeric" value="4100 2800 0000 1007"
 autocomplete="off">
<div class="pair"><div><label for="expiry">Expiry</label>
<input id="expiry" name="expiry" value="12/34" autocomplete="off"></div>
<div><label for="cvv">CVV</label>
<input id="cvv" name="cvv" value="123" inputmode="numeric" autocomplete="off"></div></div>
<button>Pay by card</button></form>
{_open("begin", visit, "netbanking")}<h2>Bank or wallet</h2>
<button>Pay by net banking</button></form>
{_open("begin", visit, "wallet")}<button>Pay by wallet</button></form>
{_open("cancel", visit, "")}<button class="quiet">Cancel</button></form>
"""


def _otp(visit: Visit, card: str) -> str:
    return f"""
<p>The bank has sent a one-time password. Four to ten digits succeed, fewer fail.</p>
{_open("finish", visit, "card")}{_hidden("card", card)}
<label for="otp">One-time password</label>
<input id="otp" name="otp" inputmode="numeric" autocomplete="one-time-code" required>
<button>Submit</button></form>
"""


def _bank(visit: Visit, method: str) -> str:
    return f"""
<p>Welcome to the demo bank. What should become of this payment?</p>
{_open("finish", visit, method)}
<button name="result" value="success">Success</button>
<button class="quiet" name="result" value="failure">Failure</button></form>
"""


def _hand_over(visit: Visit, fields: Mapping[str, str], words: str, button: str) -> str:
    """Sends the browser back to the shop: by script at once, without by the button."""
    target = visit["callback_url"]
    if urlsplit(target).scheme not in {"http", "https"}:
        return f"<p>{escape(words)}</p><pre>{escape(json.dumps(dict(fields), indent=1))}</pre>"
    inputs = "".join(_hidden(name, value) for name, value in fields.items())
    return f"""
<p role="status">{escape(words)}</p>
<form method="post" action="{escape(target)}" data-hand-over>{inputs}
<button>{escape(button)}</button></form>
"""


def _message(visit: Visit, content: Mapping[str, object]) -> str:
    """Read by page.js, which tells the page that opened the frame."""
    return (
        f'<div data-message="{escape(json.dumps(content))}" '
        f'data-opener="{escape(visit["opener"])}"></div>'
    )


def _open(step: str, visit: Visit, method: str) -> str:
    hidden = _hidden("method", method) if method else ""
    return f'<form method="post" action="/v1/checkout/{step}">{visit.hidden()}{hidden}'


def _hidden(name: str, value: str) -> str:
    return f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">'


def _page(title: str, content: str, status: int = 200) -> HTMLResponse:
    text = f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{escape(title)} · payment sandbox</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="stylesheet" href="/v1/checkout/page.css">
<script type="module" src="/v1/checkout/page.js"></script></head>
<body><main><p class="sandbox">Sandbox: no real money</p><h1>{escape(title)}</h1>
{content}</main></body></html>"""
    headers = {"Content-Security-Policy": _CSP, "Cache-Control": "no-store"}
    return HTMLResponse(text, status, headers)


async def _home(request: Request) -> Response:
    return _page(
        "Razorpay sandbox",
        "<p>It stands in for Razorpay. Its control side is at <code>/_sandbox</code>; "
        '<a href="/_sandbox/log">its log</a>, <a href="/_sandbox/webhooks">its webhooks</a>.</p>',
    )


def _static(name: str):  # type: ignore[no-untyped-def]  # an endpoint, as Starlette takes it
    content = (resources.files("razorpay_sandbox") / "static" / name).read_text()

    async def serve(request: Request) -> Response:
        return Response(content, media_type=_MEDIA[name.rpartition(".")[2]])

    return serve
