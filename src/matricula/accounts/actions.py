"""What changes an account."""

from __future__ import annotations

from allauth.account.adapter import get_adapter
from allauth.account.models import EmailAddress
from allauth.core import ratelimit
from django.conf import settings
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _

from matricula.accounts import tokens
from matricula.accounts.errors import EmailTaken, EmailUnverified, WrongCredentials
from matricula.accounts.forms import SignupForm
from matricula.accounts.models import Person
from matricula.kernel.errors import FieldError, Guidance, RateLimited, ValidationFailed

# The form's names for what the API calls otherwise.
_API_NAMES = {"password1": "password", "__all__": "body"}


def sign_up(
    request: HttpRequest, *, email: str, password: str, full_name: str, phone: str
) -> Person | None:
    """Makes an account by the same form as the sign-up page.

    Where addresses must be confirmed, the answer is None whether or not the address had an
    account: a mail tells its owner. Otherwise the new person.
    Raises ValidationFailed, and EmailTaken where addresses need no confirmation.
    """
    form = SignupForm(
        {"email": email, "password1": password, "full_name": full_name, "phone": phone}
    )
    if not form.is_valid():
        if form.has_error("email", "email_taken"):
            raise EmailTaken
        raise ValidationFailed(guidance=Guidance(errors=_field_errors(form)))
    # allauth leaves a word for the next page, and so a cookie, for known addresses alone.
    request._messages = _NoMessages()  # type: ignore[attr-defined]  # noqa: SLF001
    _limit(request, "signup")
    must_confirm = settings.ACCOUNT_EMAIL_VERIFICATION == "mandatory"
    with transaction.atomic():
        person, _response = form.try_save(request)
        if person is not None and must_confirm:
            EmailAddress.objects.get(user=person, email=person.email).send_confirmation(
                request, signup=True
            )
    if must_confirm:
        return None
    return person


def limit_guests(request: HttpRequest) -> None:
    """Counts a guest's checkout against its address. Raises RateLimited."""
    _limit(request, "guest_checkout")


def limit_guest_questions(request: HttpRequest) -> None:
    """Counts a guest's question to support against its address. Raises RateLimited."""
    _limit(request, "guest_question")


def authenticate(request: HttpRequest, *, email: str, password: str) -> Person:
    """The person with this address and password.

    Raises WrongCredentials, RateLimited after too many tries, and EmailUnverified where addresses
    must be confirmed.
    """
    try:
        person = get_adapter().authenticate(request, email=email.strip().lower(), password=password)
    except ValidationError as error:
        raise RateLimited(
            _("Too many tries to sign in to this account. Wait five minutes."),
            Guidance(retry_after=300),
        ) from error
    if not isinstance(person, Person) or not person.is_active:
        raise WrongCredentials
    if settings.ACCOUNT_EMAIL_VERIFICATION == "mandatory" and not is_verified(person):
        raise EmailUnverified
    return person


def is_verified(person: Person) -> bool:
    """Whether the person's address is confirmed."""
    own = EmailAddress.objects.filter(user=person, email=person.email)
    return bool(own.filter(verified=True).exists())


def create_staff(email: str, password: str, full_name: str = "") -> Person:
    """Makes a member of staff with all rights, or gives an existing person these rights and the
    new password. Raises ValidationFailed for an unusable address or password.
    """
    try:
        validate_email(email)
        validate_password(password, Person(email=email, full_name=full_name))
    except ValidationError as error:
        raise ValidationFailed(" ".join(error.messages)) from error
    with transaction.atomic():
        person = Person.objects.filter(email=email.strip().lower()).first()
        if person is None:
            person = Person(email=email.strip().lower(), full_name=full_name)
        person.is_staff = person.is_superuser = person.is_active = True
        person.set_password(password)
        person.save()
        tokens.revoke_all(person.pk)
        EmailAddress.objects.update_or_create(
            user=person, email=person.email, defaults={"verified": True, "primary": True}
        )
    return person


class _NoMessages:
    """A program has no next page to read messages on."""

    def add(self, level: int, message: str, extra_tags: str = "") -> None:
        """Forgets it."""

    def update(self, response: HttpResponse) -> list[str]:  # noqa: ARG002
        return []


def _limit(request: HttpRequest, action: str) -> None:
    """Counts against allauth's limit of this name, shared with the pages. Raises RateLimited."""
    if not ratelimit.consume(request, action=action):
        raise RateLimited(guidance=Guidance(retry_after=60))


def _field_errors(form: SignupForm) -> list[FieldError]:
    return [
        FieldError(_API_NAMES.get(name, name), str(message))
        for name, messages in form.errors.items()
        for message in messages
    ]
