"""People and tokens for tests that speak to the API."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.test import Client

from matricula.accounts import tokens
from matricula.accounts.models import Person

PASSWORD = "correct-horse-battery-9"


@dataclass
class ApiClient:
    """Django's test client as a program that holds a token."""

    token: str | None = None

    def __post_init__(self) -> None:
        self._client = Client(HTTP_HOST="127.0.0.1", raise_request_exception=False)

    def request(
        self, method: str, path: str, body: Any = None, *, key: str | None = None, **headers: str
    ) -> Any:
        if self.token is not None:
            headers["Authorization"] = f"Bearer {self.token}"
        if key is not None:
            headers["Idempotency-Key"] = key
        data = (
            body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        )
        return self._client.generic(
            method, f"/api/v1{path}", data, content_type="application/json", headers=headers
        )

    def get(self, path: str, **headers: str) -> Any:
        return self.request("GET", path, **headers)

    def post(self, path: str, body: Any = None, *, key: str | None = None, **headers: str) -> Any:
        return self.request("POST", path, {} if body is None else body, key=key, **headers)


def person(**fields: Any) -> Person:
    """Somebody new. Their password is `PASSWORD` when `with_password` is given."""
    with_password = fields.pop("with_password", False)
    email = fields.pop("email", f"{secrets.token_hex(8)}@example.com")
    return Person.objects.create_user(email, PASSWORD if with_password else None, **fields)


def client_of(person_id: UUID) -> ApiClient:
    """A client that holds the person's token."""
    return ApiClient(tokens.access_token(person_id))
