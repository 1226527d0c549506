"""Where allauth meets our people: the few things it must do our way."""

from __future__ import annotations

import secrets
from typing import Any
from urllib.parse import urlsplit

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.models import EmailAddress
from allauth.core.internal.ratelimit import truncate_ip
from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse
from django.utils import translation
from django.utils.http import url_has_allowed_host_and_scheme

from matricula.accounts import identity, tokens
from matricula.accounts.models import Person

# The demo accounts' password stands in the documentation, so it opens nothing in a real
# installation, whatever a demo left in its database.
PUBLISHED_PASSWORD = "matricula-demo"  # noqa: S105


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    def is_safe_url(self, url: str | None) -> bool:
        """After sign-in we go back to a path of this site, never elsewhere."""
        return url_has_allowed_host_and_scheme(url, allowed_hosts=None)

    def authenticate(self, request: HttpRequest, **credentials: Any) -> Person | None:
        """As allauth's, in the same time and under the same limits. The published password is wrong
        outside demo mode, and an address that was never confirmed does not identify an account."""
        if not settings.ENVIRONMENT.demo and credentials.get("password") == PUBLISHED_PASSWORD:
            credentials["password"] = secrets.token_hex()
        person: Person | None = super().authenticate(request, **credentials)
        email = str(credentials.get("email") or "")
        if person is not None and identity.account_of(email) != person:
            return None
        return person

    def set_password(self, user: Person, password: str) -> None:
        """A new password ends every program's tokens too."""
        super().set_password(user, password)
        tokens.revoke_all(user.pk)

    def get_client_ip(self, request: HttpRequest) -> str:
        """The address uvicorn found, which already looked past trusted proxies and no others."""
        return str(request.META.get("REMOTE_ADDR") or "unknown")

    def _get_login_attempts_cache_key(self, request: HttpRequest, **credentials: Any) -> str:
        """Wrong passwords count by account and the network they come from, so that a stranger
        cannot lock the owner out. The Host header is no part of it: the sender chooses that."""
        email = str(credentials.get("email") or "").strip().lower()
        return f"{email}|{truncate_ip(self.get_client_ip(request))}"

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """As allauth's. Every link leads to the configured site, whatever Host was asked for."""
        links = {
            name: _on_this_site(str(value))
            for name, value in context.items()
            if name.endswith("_url")
        }
        super().send_mail(template_prefix, email, {**context, **links})

    def send_notification_mail(
        self,
        template_prefix: str,
        user: Person,
        context: dict[str, Any] | None = None,
        email: str | None = None,
    ) -> None:
        """Tells every confirmed address of the person, in their language, and `email` too: also
        the address that was replaced or removed."""
        confirmed = EmailAddress.objects.filter(user=user, verified=True)
        addresses = dict.fromkeys([*confirmed.values_list("email", flat=True).order_by("pk")])
        if email:
            addresses[email] = None
        links = {"password_reset_url": reverse("account_reset_password")}
        with translation.override(user.language or translation.get_language()):
            for address in addresses:
                self.send_mail(template_prefix, address, {**links, **(context or {})})


def _on_this_site(url: str) -> str:
    parts = urlsplit(url)
    query = f"?{parts.query}" if parts.query else ""
    return f"{settings.ENVIRONMENT.base_url}{parts.path}{query}"
