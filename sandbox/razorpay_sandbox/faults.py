"""Faults on demand: by probability, a number of times, or for one request. Seeded, so that a run
can be repeated.
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass, field
from typing import Any

HTTP_KINDS = (
    "latency",
    "rate_limit",
    "server_error",
    "bad_gateway_html",
    "reset",
    "timeout_before_commit",
    "timeout_after_commit",
)
WEBHOOK_KINDS = (
    "webhook_delay",
    "webhook_drop",
    "webhook_duplicate",
    "webhook_shuffle",
    "webhook_before_browser",
    "webhook_old_secret",
    "webhook_bad_signature",
    "webhook_tampered_body",
    "odd_notes",
    "odd_captured",
    "odd_missing_order",
    "odd_stale",
)
PAYMENT_KINDS = (
    "late_authorization",
    "second_capture",
    "refund_pending_then_failed",
    "refund_failed_later",
    "dispute",
)
KINDS = frozenset(HTTP_KINDS + WEBHOOK_KINDS + PAYMENT_KINDS)


@dataclass
class Fault:
    """One fault of the plan. Without `times` and `probability` it always happens."""

    kind: str
    probability: float = 1.0
    times: int | None = None
    method: str = ""
    path: str = ""
    params: dict[str, Any] = field(default_factory=dict)
    happened: int = 0

    def fits(self, method: str, path: str) -> bool:
        if self.times is not None and self.happened >= self.times:
            return False
        if self.method and self.method != method:
            return False
        return not self.path or re.search(self.path, path) is not None

    def shown(self) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "probability": self.probability,
            "times": self.times,
            "match": {"method": self.method, "path": self.path},
            **self.params,
            "happened": self.happened,
        }


class Plan:
    """The faults in force."""

    def __init__(self, seed: int = 0) -> None:
        self.set(seed, [])

    def set(self, seed: int, faults: list[dict[str, Any]]) -> None:
        """Raises ValueError for a fault that does not exist."""
        self.faults = [_read(fault) for fault in faults]
        self.seed = seed
        self._random = random.Random(seed)

    def draw(self, kinds: tuple[str, ...], method: str = "", path: str = "") -> Fault | None:
        """The first fault of these kinds that happens now."""
        for fault in self.faults:
            if fault.kind not in kinds or not fault.fits(method, path):
                continue
            if self._random.random() < fault.probability:
                fault.happened += 1
                return fault
        return None

    def shown(self) -> dict[str, Any]:
        return {"seed": self.seed, "faults": [fault.shown() for fault in self.faults]}


def from_header(text: str) -> Fault:
    """`kind;ms=500` of one request's X-Sandbox-Fault header. Raises ValueError."""
    kind, *params = [part.strip() for part in text.split(";")]
    if kind not in HTTP_KINDS:
        raise ValueError(f"one request takes {', '.join(HTTP_KINDS)}, not {kind!r}")
    given = dict(param.split("=", 1) for param in params if "=" in param)
    return _read({"kind": kind, **given})


def _read(given: dict[str, Any]) -> Fault:
    rest = dict(given)
    kind = rest.pop("kind", None)
    if kind not in KINDS:
        raise ValueError(f"there is no fault {kind!r}; there are {', '.join(sorted(KINDS))}")
    match = rest.pop("match", None) or {}
    times = rest.pop("times", None)
    probability = float(rest.pop("probability", 1.0))
    if not 0 <= probability <= 1:
        raise ValueError("probability is a number from 0 to 1")
    try:
        re.compile(str(match.get("path", "")))
    except re.error as error:
        raise ValueError(f"match.path is no regular expression: {error}") from error
    for name in ("ms", "status"):
        if name in rest:
            int(rest[name])
    return Fault(
        kind=kind,
        probability=probability,
        times=None if times is None else int(times),
        method=str(match.get("method", "")).upper(),
        path=str(match.get("path", "")),
        params={name: value for name, value in rest.items() if name != "happened"},
    )
