"""The HTTP side of Razorpay: one call, one answer, or one of three failures.

A POST is never repeated here: what may have happened is `OutcomeUnknown`, and looked up.
"""

from __future__ import annotations

from typing import Any

import httpx
import structlog

from matricula.kernel.errors import Guidance
from matricula.payments.errors import GatewayRefused, GatewayUnavailable, OutcomeUnknown

TIME_OUT = httpx.Timeout(10.0, connect=3.0, pool=3.0)
POOL = httpx.Limits(max_connections=20, max_keepalive_connections=10)
_TOO_MANY = 429
_LONGEST_RETRY_AFTER = 600

log = structlog.get_logger(__name__)


class RazorpayClient:
    """Calls `base_url` with the account's keys. Logs paths and statuses, never keys or bodies."""

    def __init__(self, base_url: str, key_id: str, key_secret: str) -> None:
        self._http = httpx.Client(
            base_url=f"{base_url}/v1",
            auth=(key_id, key_secret),
            timeout=TIME_OUT,
            limits=POOL,
            follow_redirects=False,
            trust_env=False,
        )

    def close(self) -> None:
        self._http.close()

    def get(self, path: str, **params: Any) -> dict[str, Any]:
        """Raises GatewayUnavailable and GatewayRefused: reading has no outcome to be unsure of."""
        try:
            return self._answer(self._http.get(path, params=params))
        except (OutcomeUnknown, httpx.HTTPError) as error:
            log.warning("gateway_call_failed", path=path, error=type(error).__name__)
            raise GatewayUnavailable from error

    def post(
        self, path: str, body: dict[str, Any], headers: dict[str, str] | None = None
    ) -> dict[str, Any]:
        """Raises GatewayUnavailable only where the call cannot have arrived."""
        try:
            return self._answer(self._http.post(path, json=body, headers=headers))
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            log.warning("gateway_call_failed", path=path, error=type(error).__name__)
            raise GatewayUnavailable from error
        except httpx.HTTPError as error:
            log.warning("gateway_outcome_unknown", path=path, error=type(error).__name__)
            raise OutcomeUnknown from error

    def _answer(self, response: httpx.Response) -> dict[str, Any]:
        if response.status_code == _TOO_MANY:
            raise GatewayUnavailable(guidance=Guidance(retry_after=_retry_after(response)))
        try:
            content = response.json()
        except ValueError:
            content = None
        if response.is_success and isinstance(content, dict):
            return content
        log.warning("gateway_error", path=response.url.path, status=response.status_code)
        if response.is_client_error and isinstance(content, dict):
            raise _refusal(content, response.status_code)
        raise OutcomeUnknown


def _refusal(content: dict[str, Any], status: int) -> GatewayRefused:
    error = content.get("error")
    found = error if isinstance(error, dict) else {}
    return GatewayRefused(
        str(found.get("description") or f"HTTP {status}")[:500],
        reason=str(found.get("reason") or found.get("code") or "")[:80],
        field=str(found.get("field") or "")[:80],
        http_status=status,
    )


def _retry_after(response: httpx.Response) -> int:
    text = response.headers.get("Retry-After", "")
    is_number = text.isascii() and text.isdigit() and len(text) < 6  # noqa: PLR2004
    return min(int(text), _LONGEST_RETRY_AFTER) if is_number else 2
