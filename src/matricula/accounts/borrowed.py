"""Words that libraries say to people on our pages, where they lack one of our languages or another
tone than ours: our catalogs have them too, and come first."""

from __future__ import annotations

from matricula.kernel.words import marked as _

ALLAUTH = (
    _("A user is already registered with this email address."),
    _("Be patient, you are sending too many requests."),
    _("Current Password"),
    _("Email"),
    _("Email address"),
    _("Forgot your password?"),
    _("Incorrect password."),
    _("New Password"),
    _("New Password (again)"),
    _("Password"),
    _("Password (again)"),
    _("Password successfully set."),
    _("Please select only one."),
    _("Please type your current password."),
    _("Primary email address set."),
    _("Remember Me"),
    _("Removed email address %(email)s."),
    _("The email address and/or password you specified are not correct."),
    _("The new value must be different from the current one."),
    _("The password reset token was invalid."),
    _("This account is currently inactive."),
    _("This email address is already associated with this account."),
    _("Too many failed login attempts. Try again later."),
    _("Unable to confirm %(email)s because it is already confirmed by a different account."),
    _("Use your password"),
    _("You cannot add more than %d email addresses."),
    _("You cannot remove your primary email address (%(email)s)."),
    _("You cannot remove your primary email address."),
    _("You must type the same password each time."),
    _("Your primary email address must be verified."),
)
DJANGO = (
    _("Null characters are not allowed."),
    _("The password is too similar to the %(verbose_name)s."),
    _("This password is entirely numeric."),
    _("This password is too common."),
    _("Your password can’t be a commonly used password."),  # noqa: RUF001
    _("Your password can’t be entirely numeric."),  # noqa: RUF001
    _("Your password can’t be too similar to your other personal information."),  # noqa: RUF001
    _("email address"),
    _("full name"),
)
