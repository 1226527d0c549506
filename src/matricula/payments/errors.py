"""What can go wrong with a gateway, and with a payment."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from matricula.kernel.errors import DomainError


class GatewayUnavailable(DomainError):
    code, status, title = "gateway_unavailable", 503, _("The payment service is slow")
    usual_detail = _("Your seat stays held for you and nothing was charged. Try again in a moment.")
    retryable = True


class OutcomeUnknown(GatewayUnavailable):
    """The gateway did not answer: it may or may not have happened."""

    status = 502


class GatewayRefused(DomainError):
    """The gateway said no; nothing happened."""

    code, status, title = "gateway_unavailable", 502, _("The payment cannot be started")
    usual_detail = _(
        "This is a mistake in our payment set-up, not yours. We have been told of it. Your seat "
        "stays held for you and nothing was charged."
    )

    def __init__(
        self, detail: str, *, reason: str = "", field: str = "", http_status: int = 0
    ) -> None:
        super().__init__()
        self.said = detail  # the gateway's words, for logs and staff
        self.reason = reason
        self.field = field
        self.http_status = http_status


class SignatureInvalid(DomainError):
    code, status, title = "signature_invalid", 400, _("The signature is not valid")
    usual_detail = _("Nothing was changed.")


class PaymentAlreadyCompleted(DomainError):
    code, status, title = "payment_already_completed", 409, _("This is paid already")
    usual_detail = _("Nothing more is to be paid.")


class AmountMismatch(DomainError):
    code, status, title = "amount_mismatch", 422, _("The amount does not fit the order")
    usual_detail = _("The payment is being looked into by our staff. Nothing is lost.")
