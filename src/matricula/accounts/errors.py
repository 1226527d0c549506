"""What can go wrong with an account."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from matricula.kernel.errors import DomainError


class EmailTaken(DomainError):
    code, status, title = "email_taken", 409, _("This e-mail address already has an account")
    usual_detail = _("Sign in instead, or reset the password.")


class EmailUnverified(DomainError):
    code, status, title = "email_unverified", 403, _("The e-mail address is not confirmed yet")
    usual_detail = _("Open the link in the mail we sent, then sign in again.")


class WrongCredentials(DomainError):
    code, status, title = "authentication_required", 401, _("E-mail address or password is wrong")
    usual_detail = _("Check both and try again, or reset the password.")


class TokenRefused(DomainError):
    code, status, title = "authentication_required", 401, _("This token is not valid")
    usual_detail = _("Sign in again to get a new one.")
