"""P4 of what is paid for: how long each endpoint of a payment takes at 70 % of its own top rate.

The gateway runs beside the site, on the same cores: its share of `initialize`, `verify` and
`return` is in the figures, as a real one's network would be.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlencode

import httpx

from bench import paying
from bench.answering import LOAD, asked, figures, pace
from bench.enrolling import REQUEST
from bench.installation import BenchError, Site
from bench.load import Order, Outcome
from bench.report import Figure
from bench.settings import Settings
from matricula.config import environment

CONNECTIONS = 32
# Checkouts made for each round of an endpoint that ends them: half for its top rate, half at load.
CHECKOUTS = 240
_MAKERS = 8
_HEAD = "Host: 127.0.0.1:{port}\nAuthorization: Bearer {token}\nContent-Type: application/json"
VERIFY = f"POST /api/v1/enrollments/{{place}}/verify-payment HTTP/1.1\n{_HEAD}\n\n{{body}}"
STATUS = f"GET /api/v1/enrollments/{{place}}/payment-status HTTP/1.1\n{_HEAD}\n\n"
RETURN = """POST /pay/{place}/return/ HTTP/1.1
Host: 127.0.0.1:{port}
Content-Type: application/x-www-form-urlencoded

{body}"""
WEBHOOK = """POST /webhooks/razorpay HTTP/1.1
Host: 127.0.0.1:{port}
Content-Type: application/json
X-Razorpay-Signature: {place}
X-Razorpay-Event-Id: {key}

{body}"""


@dataclass(frozen=True)
class Checkout:
    """Paid at the gateway, and nobody has told the site yet."""

    token: str
    enrollment: str
    payment: str
    given: dict[str, str]


def under_load(site: Site, settings: Settings) -> Sequence[Figure]:
    """P4 of `initialize` of a paid course, `verify-payment`, the return page, webhooks, and
    `payment-status`."""
    paying.open_seats(site)
    tokens = iter(reversed(site.tokens.read_text().split()))
    with paying.gateway(site) as gateway, tempfile.TemporaryDirectory() as folder:
        bench = _Bench(site, settings, gateway, Path(folder), tokens)
        found = figures("paid: initialize", *bench.initialize())
        found += figures("paid: verify", *bench.ending(VERIFY, "200"))
        found += figures("paid: return page", *bench.ending(RETURN, "303"))
        found += figures("paid: webhook", *bench.webhook())
        found += figures("paid: payment status", *bench.status())
    site.settle()
    return found


@dataclass(frozen=True)
class _Bench:
    site: Site
    settings: Settings
    gateway: httpx.Client
    folder: Path
    tokens: Iterator[str]

    def initialize(self) -> tuple[list[float], list[Outcome]]:
        tops, outcomes = [], []
        request = REQUEST.replace("{place}", paying.PAID)
        for number in range(self.settings.rounds):
            order = self._order(request, key=f"paid-{number}", warm_up=0.5)
            order = replace(order, paired=False)  # everybody wants the same place
            tops.append(asked(self._for_new_people(order), "201").per_second)
            paced = replace(order, key=f"calm-{number}")
            outcomes.append(asked(self._for_new_people(self._paced(paced, tops[-1])), "201"))
        return tops, outcomes

    def ending(self, request: str, status: str) -> tuple[list[float], list[Outcome]]:
        """Of what ends a checkout: each can be sent once."""
        tops, outcomes = [], []
        for _ in range(self.settings.rounds):
            first, second = (self._checkouts(CHECKOUTS // 2) for _ in range(2))
            order = replace(self._order(request), seconds=60.0, most=CHECKOUTS // 2)
            tops.append(pace(asked(self._filled(order, first), status)))
            outcomes.append(asked(self._filled(self._paced(order, tops[-1]), second), status))
        return tops, outcomes

    def webhook(self) -> tuple[list[float], list[Outcome]]:
        """Of payments that the site has not heard of; each with an event id of its own."""
        made = self._checkouts(CHECKOUTS)
        bodies = [self._webhook_body(checkout) for checkout in made]
        account = environment.load(self.site.environ).razorpay
        if account is None:
            raise BenchError("the site takes no money")
        secret = account.webhook_secrets[0].encode()
        signed = [hmac.new(secret, body.encode(), hashlib.sha256).hexdigest() for body in bodies]
        order = replace(
            self._filled(self._order(WEBHOOK), made), bodies=tuple(bodies), places=tuple(signed)
        )
        return self._often(order)

    def status(self) -> tuple[list[float], list[Outcome]]:
        return self._often(self._filled(self._order(STATUS), self._checkouts(CHECKOUTS)))

    def _often(self, order: Order) -> tuple[list[float], list[Outcome]]:
        tops, outcomes = [], []
        for number in range(self.settings.rounds):
            tops.append(asked(replace(order, key=f"top{number}", warm_up=0.5)).per_second)
            outcomes.append(asked(self._paced(replace(order, key=f"calm{number}"), tops[-1])))
        return tops, outcomes

    def _order(self, request: str, *, key: str = "paid", warm_up: float = 0.0) -> Order:
        return Order(
            port=self.site.port,
            request=request.replace("{port}", str(self.site.port)),
            seconds=self.settings.seconds / 2,
            connections=CONNECTIONS,
            warm_up=warm_up,
            paired=True,
            key=key,
        )

    def _paced(self, order: Order, top: float) -> Order:
        return replace(order, rate=top * LOAD, connections=CONNECTIONS * 4)

    def _for_new_people(self, order: Order) -> Order:
        """As many as could be served in that time, and a few more."""
        most = round(400 * (order.seconds + order.warm_up))
        return replace(
            order, tokens=self._write([next(self.tokens) for _ in range(most)]), most=most
        )

    def _filled(self, order: Order, made: Sequence[Checkout]) -> Order:
        is_return = "/return/" in order.request
        encode = urlencode if is_return else json.dumps
        return replace(
            order,
            tokens=self._write([one.token for one in made]),
            places=tuple(one.payment if is_return else one.enrollment for one in made),
            bodies=tuple(encode(one.given) for one in made),
        )

    def _write(self, tokens: Sequence[str]) -> str:
        file = self.folder / f"tokens-{len(list(self.folder.iterdir()))}"
        file.write_text("\n".join(tokens))
        return str(file)

    def _checkouts(self, count: int) -> list[Checkout]:
        with ThreadPoolExecutor(_MAKERS) as pool:
            return list(pool.map(self._pay, [next(self.tokens) for _ in range(count)]))

    def _pay(self, token: str) -> Checkout:
        made = httpx.post(
            f"http://127.0.0.1:{self.site.port}/api/v1/enrollments/initialize",
            json={"course_id": paying.PAID},
            headers={"Authorization": f"Bearer {token}"},
            timeout=30,
        )
        if made.status_code != httpx.codes.CREATED:
            raise BenchError(f"answered {made.status_code}: {made.text[:200]}")
        session = made.json()["payment_session"]
        paid = self.gateway.post(
            f"/_sandbox/orders/{session['razorpay_order_id']}/pay",
            json={"method": "upi", "webhook": "never"},
        )
        given = paid.raise_for_status().json()
        return Checkout(token, made.json()["enrollment_id"], session["payment_id"], given)

    def _webhook_body(self, checkout: Checkout) -> str:
        account = environment.load(self.site.environ).razorpay
        if account is None:
            raise BenchError("the site takes no money")
        entity = self.gateway.get(
            f"/v1/payments/{checkout.given['razorpay_payment_id']}",
            auth=(account.key_id, account.key_secret),
        )
        payload = {"payment": {"entity": entity.raise_for_status().json()}}
        return json.dumps({"entity": "event", "event": "payment.captured", "payload": payload})
