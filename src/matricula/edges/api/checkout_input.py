"""What a checkout may say, checked."""

from __future__ import annotations

from urllib.parse import urlsplit

from django.conf import settings
from django.utils.translation import gettext_lazy as _

from matricula.edges.api import enrollment_schemas as schemas
from matricula.flows.checkout import Terms
from matricula.kernel.errors import FieldError, Guidance, ValidationFailed


def terms_of(payload: schemas.Checkout) -> Terms:
    """The terms of a checkout. Raises ValidationFailed for an address to go to afterwards that
    is of no allowed origin."""
    errors = url_errors(payload)
    if errors:
        raise ValidationFailed(guidance=Guidance(errors=errors))
    return Terms(
        country=payload.billing_country or "",
        state=payload.billing_state or "",
        tax_id=payload.billing_tax_id or "",
        billing_name=payload.billing_name or "",
        billing_address=payload.billing_address or "",
        terms_version=payload.consent.terms_version if payload.consent else "",
        waives_withdrawal=payload.consent.waives_withdrawal if payload.consent else False,
        success_url=payload.success_url or "",
        cancel_url=payload.cancel_url or "",
        shown_minor=payload.expected_total_minor,
    )


def url_errors(payload: schemas.Checkout) -> list[FieldError]:
    return [
        FieldError(name, _("Its origin is not allowed here."))
        for name in ("success_url", "cancel_url")
        if not _is_allowed(getattr(payload, name))
    ]


def _is_allowed(url: str | None) -> bool:
    if not url:
        return True
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return f"{parts.scheme}://{parts.netloc}" in settings.ENVIRONMENT.allowed_origins
