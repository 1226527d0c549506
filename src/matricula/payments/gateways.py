"""Which payment providers there are. One of each a process."""

from __future__ import annotations

from functools import cache

from django.conf import settings
from django.utils.translation import gettext_lazy as _

from matricula.enrollments.errors import PaymentRequired
from matricula.kernel.errors import NotFound
from matricula.payments.port import PaymentProvider
from matricula.payments.providers.offline import OFFLINE, OfflineProvider
from matricula.payments.providers.razorpay.provider import RAZORPAY, RazorpayProvider


@cache
def provider(name: str) -> PaymentProvider:
    """The provider of this name. Raises NotFound for one that is not set up."""
    if name == OFFLINE:
        return OfflineProvider()
    if name == RAZORPAY and settings.ENVIRONMENT.razorpay is not None:
        return RazorpayProvider(settings.ENVIRONMENT.razorpay)
    raise NotFound(_("There is no such payment provider."))


def payment_configured() -> bool:
    """Whether people can pay here."""
    return settings.ENVIRONMENT.razorpay is not None


def default_provider() -> PaymentProvider:
    """The provider that checkouts are asked through. Raises PaymentRequired when none is set up."""
    if not payment_configured():
        raise PaymentRequired
    return provider(RAZORPAY)
