"""Signing up and in, and members of staff."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from allauth.account.models import EmailAddress
from allauth.core import context
from django.conf import LazySettings
from django.core.cache import cache
from django.http import HttpRequest
from django.test import Client

from matricula.accounts import actions
from matricula.accounts.errors import EmailTaken, EmailUnverified, WrongCredentials
from matricula.accounts.models import Person
from matricula.kernel.errors import RateLimited, ValidationFailed
from matricula.notifications.models import Delivery
from tests.support.crowds import all_at_once, during
from tests.support.people import PASSWORD, ApiClient, person

from .conftest import api_request

pytestmark = pytest.mark.django_db
NEW = {
    "email": "ada@example.org",
    "password": PASSWORD,
    "full_name": "Ada Byron",
    "phone": "+91 1",
}


@pytest.fixture
def confirming(settings: LazySettings) -> None:
    """As outside demo mode: addresses are confirmed, and mail is really queued."""
    settings.ACCOUNT_EMAIL_VERIFICATION = "mandatory"
    settings.ACCOUNT_PREVENT_ENUMERATION = True
    settings.EMAIL_BACKEND = "matricula.notifications.mail.Backend"


@pytest.fixture(autouse=True)
def in_a_request(request_: HttpRequest) -> Iterator[None]:
    """allauth asks for the request that its middleware keeps."""
    with context.request_context(request_):
        yield


@pytest.fixture
def limited(settings: LazySettings) -> Iterator[None]:
    settings.ACCOUNT_RATE_LIMITS = {"login_failed": "3/5m/key", "signup": None, "login": None}
    cache.clear()
    yield
    cache.clear()


def sign_up(request: HttpRequest, **changes: str) -> Person | None:
    return actions.sign_up(request, **{**NEW, **changes})


def sign_in(request: HttpRequest, email: str, password: str = PASSWORD) -> Person:
    return actions.authenticate(request, email=email, password=password)


def confirmed(**fields: str) -> Person:
    someone = person(with_password=True, **fields)
    EmailAddress.objects.create(user=someone, email=someone.email, verified=True, primary=True)
    return someone


def mails_to(address: str) -> list[str]:
    """The subjects of the mail queued for the address."""
    return list(
        Delivery.objects.filter(address=address).order_by("pk").values_list("subject", flat=True)
    )


def test_signing_up_makes_the_person(request_: HttpRequest) -> None:
    made = sign_up(request_)
    assert made is not None
    made.refresh_from_db()
    assert (made.email, made.full_name, made.phone) == ("ada@example.org", "Ada Byron", "+91 1")
    assert made.check_password(PASSWORD)


def test_a_new_person_has_no_rights(request_: HttpRequest) -> None:
    made = sign_up(request_)
    assert made is not None
    assert (made.is_staff, made.is_superuser, made.groups.count()) == (False, False, 0)


def test_an_address_is_kept_in_lower_case(request_: HttpRequest) -> None:
    made = sign_up(request_, email="  Ada@Example.ORG ")
    assert made is not None
    assert made.email == "ada@example.org"
    assert EmailAddress.objects.get(user=made).email == "ada@example.org"


@pytest.mark.parametrize("written", ["ada@example.org", "ADA@EXAMPLE.ORG", " Ada@example.org "])
def test_in_demo_mode_a_taken_address_is_named(request_: HttpRequest, written: str) -> None:
    sign_up(request_)
    with pytest.raises(EmailTaken):
        sign_up(request_, email=written)
    assert Person.objects.filter(email="ada@example.org").count() == 1


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("email", "no address"),
        ("email", ""),
        ("password", ""),
        ("password", "short"),
        ("password", "password123"),
        ("password", "ada@example.org"),
        ("full_name", ""),
        ("full_name", "   "),
        ("full_name", "a" * 151),
        ("phone", "1" * 33),
    ],
)
def test_a_wrong_field_is_named_as_the_api_calls_it(
    request_: HttpRequest, name: str, value: str
) -> None:
    with pytest.raises(ValidationFailed) as caught:
        sign_up(request_, **{name: value})
    assert {error.field for error in caught.value.guidance.errors} == {name}
    assert all(error.message for error in caught.value.guidance.errors)


def test_an_address_too_long_to_be_kept_is_refused(request_: HttpRequest) -> None:
    with pytest.raises(ValidationFailed):
        sign_up(request_, email=f"{'a' * 250}@example.org")


def test_a_refused_sign_up_leaves_nothing(request_: HttpRequest) -> None:
    with pytest.raises(ValidationFailed):
        sign_up(request_, password="short")
    assert not Person.objects.filter(email=NEW["email"]).exists()


def test_two_sign_ups_of_one_address_at_once_make_one_person(address: str) -> None:
    def attempt() -> Person | None:
        request = api_request()
        with context.request_context(request):
            return sign_up(request)

    answers = all_at_once(address, [attempt] * 4)
    assert len([answer for answer in answers if isinstance(answer, Person)]) == 1
    assert Person.objects.filter(email=NEW["email"]).count() == 1


def test_of_two_sign_ups_at_once_the_loser_is_told_that_the_address_is_taken(address: str) -> None:
    def attempt() -> Person | None:
        request = api_request()
        with context.request_context(request):
            return sign_up(request)

    second = during(address, attempt, attempt)
    with pytest.raises(EmailTaken):
        second.result()


def test_known_and_unknown_addresses_get_the_same_answer(
    confirming: None, request_: HttpRequest
) -> None:
    assert sign_up(request_) is None
    assert sign_up(request_) is None


def test_known_and_unknown_addresses_get_the_same_answer_over_the_api(confirming: None) -> None:
    known = person(with_password=True).email
    answers = [
        ApiClient().post("/auth/signup", {**NEW, "email": email})
        for email in (known, "ada@example.org")
    ]
    assert [answer.status_code for answer in answers] == [202, 202]
    assert answers[0].content == answers[1].content
    assert set(answers[0].headers) == set(answers[1].headers)


def test_known_and_unknown_addresses_get_the_same_cookies_over_the_api(confirming: None) -> None:
    known, unconfirmed = confirmed().email, person(with_password=True).email
    cookies = [
        set(ApiClient().post("/auth/signup", {**NEW, "email": email}).cookies)
        for email in (known, unconfirmed, "ada@example.org")
    ]
    assert cookies[0] == cookies[1] == cookies[2]


def test_known_and_unknown_addresses_get_the_same_answer_on_the_page(confirming: None) -> None:
    answers = []
    known, unconfirmed = confirmed().email, person(with_password=True).email
    for email in (known, unconfirmed, "ada@example.org"):
        form = {"email": email, "password1": PASSWORD, "full_name": "Ada Byron"}
        answer = Client(HTTP_HOST="127.0.0.1").post("/accounts/signup/", form)
        answers.append((answer.status_code, answer.headers["Location"], set(answer.cookies)))
    assert answers[0] == answers[1] == answers[2]


def test_a_new_address_gets_one_mail_to_confirm_it(confirming: None, request_: HttpRequest) -> None:
    sign_up(request_)
    assert mails_to("ada@example.org") == ["Confirm your e-mail address"]


def test_a_known_address_is_told_that_it_has_an_account(
    confirming: None, request_: HttpRequest
) -> None:
    known = confirmed()
    sign_up(request_, email=known.email.upper())
    (subject,) = mails_to(known.email)
    assert subject != "Confirm your e-mail address"


@pytest.mark.parametrize("is_known", [False, True])
def test_with_the_usual_limits_a_mail_goes_out_to_known_and_unknown_addresses(
    confirming: None, request_: HttpRequest, settings: LazySettings, is_known: bool
) -> None:
    settings.ACCOUNT_RATE_LIMITS = {}
    address = confirmed().email if is_known else "ada@example.org"
    sign_up(request_, email=address)
    assert len(mails_to(address)) == 1


def test_signing_up_again_changes_nothing_of_the_account(
    confirming: None, request_: HttpRequest
) -> None:
    known = confirmed(full_name="Lea Learner")
    sign_up(request_, email=known.email, password="another-horse-77")
    known.refresh_from_db()
    assert known.full_name == "Lea Learner"
    assert known.check_password(PASSWORD)


def test_a_queued_mail_holds_text_and_html(confirming: None, request_: HttpRequest) -> None:
    sign_up(request_)
    mail = Delivery.objects.latest("pk")
    assert mail.content is not None
    assert "http://" in mail.content["text"]
    assert "<html" in mail.content["html"]
    assert mail.message_id_header


def test_an_unconfirmed_person_cannot_sign_in(confirming: None, request_: HttpRequest) -> None:
    sign_up(request_)
    with pytest.raises(EmailUnverified):
        sign_in(request_, "ada@example.org")


def test_a_confirmed_person_signs_in(confirming: None, request_: HttpRequest) -> None:
    sign_up(request_)
    EmailAddress.objects.filter(email="ada@example.org").update(verified=True)
    assert sign_in(request_, "ada@example.org").email == "ada@example.org"


def test_a_wrong_password_does_not_tell_that_the_address_is_unconfirmed(
    confirming: None, request_: HttpRequest
) -> None:
    sign_up(request_)
    with pytest.raises(WrongCredentials):
        sign_in(request_, "ada@example.org", "wrong")


def test_in_demo_mode_an_unconfirmed_person_signs_in(request_: HttpRequest) -> None:
    made = sign_up(request_)
    assert sign_in(request_, "ada@example.org") == made


@pytest.mark.parametrize("change", [str.upper, str.title, lambda email: f"  {email} "])
def test_an_address_is_the_same_in_any_case(
    request_: HttpRequest, learner: Person, change: object
) -> None:
    assert callable(change)
    assert sign_in(request_, change(learner.email)) == learner


@pytest.mark.parametrize("password", ["wrong", "", PASSWORD.upper(), f" {PASSWORD}", "\x00"])
def test_a_wrong_password_is_refused(request_: HttpRequest, learner: Person, password: str) -> None:
    with pytest.raises(WrongCredentials):
        sign_in(request_, learner.email, password)


def test_unknown_address_and_wrong_password_get_the_same_words(
    request_: HttpRequest, learner: Person
) -> None:
    told = set()
    for email, password in [("nobody@example.org", PASSWORD), (learner.email, "wrong")]:
        with pytest.raises(WrongCredentials) as caught:
            sign_in(request_, email, password)
        told.add(caught.value.detail)
    assert len(told) == 1


def test_a_closed_account_is_like_a_wrong_password(request_: HttpRequest, learner: Person) -> None:
    Person.objects.filter(pk=learner.pk).update(is_active=False)
    with pytest.raises(WrongCredentials):
        sign_in(request_, learner.email)


def test_somebody_without_a_password_cannot_sign_in(request_: HttpRequest) -> None:
    with pytest.raises(WrongCredentials):
        sign_in(request_, person().email, "!")


def test_too_many_wrong_passwords_lock_even_the_right_one(
    limited: None, request_: HttpRequest, learner: Person
) -> None:
    for _ in range(3):
        with pytest.raises(WrongCredentials):
            sign_in(request_, learner.email, "wrong")
    with pytest.raises(RateLimited) as caught:
        sign_in(request_, learner.email)
    assert caught.value.guidance.retry_after == 300


def test_tries_are_counted_for_an_address_however_it_is_written(
    limited: None, request_: HttpRequest, learner: Person
) -> None:
    for email in (learner.email, learner.email.upper(), f" {learner.email}"):
        with pytest.raises(WrongCredentials):
            sign_in(request_, email, "wrong")
    with pytest.raises(RateLimited):
        sign_in(request_, learner.email, "wrong")


def test_one_account_locked_leaves_others_open(
    limited: None, request_: HttpRequest, learner: Person
) -> None:
    for _ in range(3):
        with pytest.raises(WrongCredentials):
            sign_in(request_, "another@example.org", "wrong")
    assert sign_in(request_, learner.email) == learner


def test_signing_in_rightly_is_not_counted(
    limited: None, request_: HttpRequest, learner: Person
) -> None:
    for _ in range(5):
        assert sign_in(request_, learner.email) == learner


def test_too_many_tries_are_answered_with_when_to_come_back(limited: None, learner: Person) -> None:
    body = {"email": learner.email, "password": "wrong"}
    answers = [ApiClient().post("/auth/token", body) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [401, 401, 401, 429]
    assert answers[-1].headers["Retry-After"] == "300"


def test_a_new_member_of_staff_has_all_rights_and_signs_in(
    confirming: None, request_: HttpRequest
) -> None:
    made = actions.create_staff("Boss@Example.org", PASSWORD, "The Boss")
    assert (made.is_staff, made.is_superuser, made.full_name) == (True, True, "The Boss")
    assert sign_in(request_, "boss@example.org") == made


def test_an_existing_person_becomes_staff_with_the_new_password(learner: Person) -> None:
    Person.objects.filter(pk=learner.pk).update(is_active=False)
    made = actions.create_staff(learner.email.upper(), "another-horse-77")
    assert (made.pk, made.is_staff, made.is_active) == (learner.pk, True, True)
    assert made.full_name == "Lea Learner"
    assert Person.objects.get(pk=learner.pk).check_password("another-horse-77")


@pytest.mark.parametrize(
    ("email", "password"),
    [("no address", PASSWORD), ("boss@example.org", "short"), ("boss@example.org", "password")],
)
def test_an_unusable_address_or_password_makes_no_staff(email: str, password: str) -> None:
    before = Person.objects.count()
    with pytest.raises(ValidationFailed):
        actions.create_staff(email, password)
    assert Person.objects.count() == before
