"""VIES, the European Commission's register of VAT ids, over its REST API: `POST
check-vat-number` with the id, and with the seller's own id to be given a consultation number
(https://ec.europa.eu/taxation_customs/vies/#/technical-information).

An answer says valid or not. Everything else, and there is much of it (a member state's register is
away for the night, too many ask, nothing comes), says nothing about the id.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import httpx
import structlog

from matricula.taxids import rules

TIME_OUT = httpx.Timeout(15.0, connect=5.0)
LARGEST = 65_536
# The only refusal that is about the id itself; the others are about the asking.
_NOT_AN_ID = "INVALID_INPUT"
_UNSAID = "---"  # what member states that publish no name say

log = structlog.get_logger(__name__)


class ViesSilent(Exception):
    """VIES did not say whether the id is valid; `str()` is its reason, like MS_UNAVAILABLE."""


@dataclass(frozen=True)
class Answer:
    """What VIES says of an id. `consultation` is the number that proves it."""

    is_valid: bool
    consultation: str = ""
    name: str = ""
    address: str = ""


def ask(base_url: str, number: str, seller: str = "") -> Answer:
    """What VIES at this address says of the id. Raises ViesSilent. Logs no id."""
    country, rest = rules.split(number)
    body = {"countryCode": country, "vatNumber": rest}
    if seller:
        ours = rules.split(seller)
        body |= {"requesterMemberStateCode": ours[0], "requesterNumber": ours[1]}
    try:
        response = httpx.post(
            f"{base_url}/check-vat-number", json=body, timeout=TIME_OUT, trust_env=False
        )
    except httpx.HTTPError as error:
        raise ViesSilent(type(error).__name__) from error
    return _read(response)


def _read(response: httpx.Response) -> Answer:
    try:
        content = response.json() if len(response.content) <= LARGEST else None
    except ValueError:
        content = None
    if not isinstance(content, dict):
        raise ViesSilent(f"HTTP {response.status_code}")
    trouble = _trouble(content)
    if trouble == _NOT_AN_ID:
        return Answer(is_valid=False)
    is_valid = content.get("valid")
    if trouble or not response.is_success or not isinstance(is_valid, bool):
        raise ViesSilent(trouble or f"HTTP {response.status_code}")
    return Answer(
        is_valid,
        _text(content, "requestIdentifier"),
        _text(content, "name"),
        _text(content, "address"),
    )


def _trouble(content: dict[str, Any]) -> str:
    """The code of its error; it comes with 200 as well as with other statuses."""
    errors = content.get("errorWrappers")
    if isinstance(errors, list):
        for error in errors:
            if isinstance(error, dict) and isinstance(error.get("error"), str):
                return str(error["error"])
    return "" if content.get("actionSucceed", True) else "FAILED"


def _text(content: dict[str, Any], name: str) -> str:
    value = content.get(name)
    return "" if not isinstance(value, str) or value == _UNSAID else value.strip()
