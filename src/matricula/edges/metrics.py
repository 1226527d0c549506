"""Figures for Prometheus (https://prometheus.io/docs/practices/naming/)."""

from __future__ import annotations

from functools import lru_cache

from prometheus_client import Counter, Gauge, Histogram

REQUESTS = Counter("matricula_requests_total", "Requests answered.", ["method", "route", "status"])
SECONDS = Histogram(
    "matricula_request_seconds",
    "Time to answer a request.",
    ["route"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10),
)
ENROLLMENTS = Counter(
    "matricula_enrollment_requests_total",
    "Requests to enroll, by what became of them.",
    ["outcome"],
)
WEBHOOKS = Counter(
    "matricula_webhooks_total",
    "Webhooks received, by what became of them.",
    ["provider", "outcome"],
)
LIVE_OPEN = Gauge(
    "matricula_live_connections",
    "Open streams, long polls and sockets.",
    ["transport"],
    multiprocess_mode="livesum",
)
LIVE_DROPPED = Counter(
    "matricula_live_dropped_total",
    "Clients given up since they read too slowly.",
    ["transport"],
)


def count_request(method: str, route: str, status: int, seconds: float) -> None:
    """Counts an answer, and the time it took."""
    answered, took = _request(method, route, status)
    answered.inc()
    took.observe(seconds)


@lru_cache(2048)  # looking them up by label takes longer than counting
def _request(method: str, route: str, status: int) -> tuple[Counter, Histogram]:
    return REQUESTS.labels(method, route, status), SECONDS.labels(route)
