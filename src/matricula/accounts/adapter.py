"""Where allauth meets our people: the few things it must do our way."""

from __future__ import annotations

import secrets
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from django.conf import settings
from django.http import HttpRequest
from django.utils.http import url_has_allowed_host_and_scheme

from matricula.accounts import tokens
from matricula.accounts.models import Person

# The demo accounts' password stands in the documentation, so it opens nothing in a real
# installation, whatever a demo left in its database.
PUBLISHED_PASSWORD = "matricula-demo"  # noqa: S105


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    def is_safe_url(self, url: str | None) -> bool:
        """After sign-in we go back to a path of this site, never elsewhere."""
        return url_has_allowed_host_and_scheme(url, allowed_hosts=None)

    def authenticate(self, request: HttpRequest, **credentials: Any) -> Person | None:
        """As allauth's, in the same time and under the same limits; the published password is wrong
        outside demo mode."""
        if not settings.ENVIRONMENT.demo and credentials.get("password") == PUBLISHED_PASSWORD:
            credentials["password"] = secrets.token_hex()
        person: Person | None = super().authenticate(request, **credentials)
        return person

    def set_password(self, user: Person, password: str) -> None:
        """A new password ends every program's tokens too."""
        super().set_password(user, password)
        tokens.revoke_all(user.pk)

    def get_client_ip(self, request: HttpRequest) -> str:
        """The address uvicorn found, which already looked past trusted proxies and no others."""
        return str(request.META.get("REMOTE_ADDR") or "unknown")
