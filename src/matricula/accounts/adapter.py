"""Where allauth meets our people: the few things it must do our way."""

from __future__ import annotations

from allauth.account.adapter import DefaultAccountAdapter
from django.http import HttpRequest
from django.utils.http import url_has_allowed_host_and_scheme

from matricula.accounts import tokens
from matricula.accounts.models import Person


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    def is_safe_url(self, url: str | None) -> bool:
        """After sign-in we go back to a path of this site, never elsewhere."""
        return url_has_allowed_host_and_scheme(url, allowed_hosts=None)

    def set_password(self, user: Person, password: str) -> None:
        """A new password ends every program's tokens too."""
        super().set_password(user, password)
        tokens.revoke_all(user.pk)

    def get_client_ip(self, request: HttpRequest) -> str:
        """The address uvicorn found, which already looked past trusted proxies and no others."""
        return str(request.META.get("REMOTE_ADDR") or "unknown")
