"""Attacks on accounts where addresses must be confirmed, and that they fail."""

from __future__ import annotations

import re

import pytest
from allauth.account.models import EmailAddress
from django.conf import LazySettings
from django.core import mail
from django.core.cache import cache
from django.test import Client

from matricula.accounts import guests, identity
from matricula.accounts.models import Person
from matricula.flows import guests as guest_flow
from matricula.kernel import ids
from matricula.kernel.models import Event
from matricula.support.models import Conversation
from tests.support.people import PASSWORD, ApiClient, person

pytestmark = pytest.mark.django_db
VICTIM = "victim@example.org"
THEIRS = "attacker-horse-77"
CHOSEN = "victim-horse-88"


@pytest.fixture(autouse=True)
def real_mode(settings: LazySettings) -> None:
    settings.ACCOUNT_EMAIL_VERIFICATION = "mandatory"
    settings.ACCOUNT_PREVENT_ENUMERATION = True
    settings.ACCOUNT_RATE_LIMITS = {"login_failed": "5/5m/key"}
    cache.clear()


def browser(**defaults: str) -> Client:
    return Client(**{"HTTP_HOST": "127.0.0.1", **defaults})


def confirmed(email: str) -> Person:
    someone = person(email=email, with_password=True)
    EmailAddress.objects.create(user=someone, email=email, verified=True, primary=True)
    return someone


def sign_up(client: Client, email: str, password: str, name: str = "Ada Byron") -> None:
    answer = client.post(
        "/accounts/signup/", {"full_name": name, "email": email, "password1": password}
    )
    assert answer.headers["Location"] == "/accounts/confirm-email/"


def sign_in(client: Client, email: str, password: str = PASSWORD) -> bool:
    client.post("/accounts/login/", {"login": email, "password": password})
    return "_auth_user_id" in client.session


def link_in(body: object) -> str:
    found = re.search(r"http://[^/]+(/accounts/\S+)", str(body))
    assert found
    return found[1]


def mails_to(address: str) -> list[str]:
    return [message.subject for message in mail.outbox if message.to == [address]]


@pytest.mark.parametrize("by_api", [False, True])
def test_a_password_given_by_somebody_else_never_opens_a_confirmed_account(by_api: bool) -> None:
    if by_api:
        body = {"email": VICTIM, "password": THEIRS, "full_name": "Mallory"}
        assert ApiClient().post("/auth/signup", body).status_code == 202
    else:
        sign_up(browser(), VICTIM, THEIRS, "Mallory")
    link = link_in(mail.outbox[-1].body)
    owner = browser()
    sign_up(owner, VICTIM, CHOSEN)
    owner.post(link)  # the browser that signed up last, so no password is asked for
    assert not sign_in(browser(), VICTIM, THEIRS)
    assert sign_in(browser(), VICTIM, CHOSEN)
    assert Person.objects.get(email=VICTIM).full_name == "Ada Byron"


def test_the_browser_that_signed_up_confirms_with_one_press() -> None:
    client = browser()
    sign_up(client, VICTIM, CHOSEN)
    client.post(link_in(mail.outbox[-1].body))
    assert sign_in(browser(), VICTIM, CHOSEN)


def test_another_browser_chooses_the_password_when_it_confirms() -> None:
    sign_up(browser(), VICTIM, THEIRS)
    link = link_in(mail.outbox[-1].body)
    owner = browser()
    assert 'name="password1"' in owner.get(link).content.decode()
    owner.post(link)
    assert not EmailAddress.objects.get(email=VICTIM).verified
    owner.post(link, {"password1": CHOSEN})
    assert not sign_in(browser(), VICTIM, THEIRS)
    assert sign_in(browser(), VICTIM, CHOSEN)


def test_a_sign_up_after_the_owners_changes_nothing_for_the_owner() -> None:
    owner = browser()
    sign_up(owner, VICTIM, CHOSEN)
    cache.clear()
    sign_up(browser(), VICTIM, THEIRS)
    owner.post(link_in(mail.outbox[-1].body))
    assert not sign_in(browser(), VICTIM, THEIRS)


def test_resetting_an_unconfirmed_account_confirms_it_for_the_reader_of_the_mail() -> None:
    sign_up(browser(), VICTIM, THEIRS)
    reset(browser(), VICTIM)
    assert not sign_in(browser(), VICTIM, THEIRS)
    assert sign_in(browser(), VICTIM, CHOSEN)


def reset(client: Client, email: str) -> None:
    client.post("/accounts/password/reset/", {"email": email})
    page = client.get(link_in(mail.outbox[-1].body), follow=True)
    client.post(page.request["PATH_INFO"], {"password1": CHOSEN, "password2": CHOSEN})


def test_a_guest_claims_an_address_that_somebody_signed_up_with() -> None:
    sign_up(browser(), VICTIM, THEIRS)
    guest = guests.make(VICTIM, "Ada Byron")
    claimed = guest_flow.claim(guests.link_token(guest.pk), CHOSEN)
    assert claimed.email == VICTIM
    assert not sign_in(browser(), VICTIM, THEIRS)


def test_an_unconfirmed_second_address_identifies_nobody() -> None:
    attacker = confirmed("attacker@example.org")
    EmailAddress.objects.create(user=attacker, email=VICTIM)
    assert identity.account_of(VICTIM) is None
    assert not sign_in(browser(), VICTIM)
    browser().post("/accounts/password/reset/", {"email": VICTIM})
    assert "Choose a new password" not in mails_to(VICTIM)
    owner = browser()
    sign_up(owner, VICTIM, CHOSEN)
    owner.post(link_in(mail.outbox[-1].body))
    assert sign_in(browser(), VICTIM, CHOSEN)
    assert Person.objects.get(email=VICTIM) != attacker


def test_a_second_address_is_confirmed_only_by_its_account_signed_in() -> None:
    attacker = browser()
    confirmed("attacker@example.org")
    assert sign_in(attacker, "attacker@example.org")
    attacker.post("/accounts/reauthenticate/", {"password": PASSWORD})
    attacker.post("/accounts/email/", {"action_add": "", "email": VICTIM})
    link = link_in(next(m.body for m in mail.outbox if m.to == [VICTIM]))
    assert browser().post(link).headers["Location"].startswith("/accounts/login/")
    assert not EmailAddress.objects.get(email=VICTIM).verified


@pytest.mark.parametrize("action", ["action_add", "action_remove", "action_primary"])
def test_addresses_are_changed_only_after_giving_the_password_again(action: str) -> None:
    owner = confirmed(VICTIM)
    EmailAddress.objects.create(user=owner, email="second@example.org", verified=True)
    before = list(EmailAddress.objects.order_by("pk").values())
    client = browser()
    client.force_login(owner)
    email = "third@example.org" if action == "action_add" else "second@example.org"
    answer = client.post("/accounts/email/", {action: "", "email": email})
    assert "/reauthenticate/" in answer.headers["Location"]
    assert list(EmailAddress.objects.order_by("pk").values()) == before


def test_every_confirmed_address_is_told_of_changes() -> None:
    owner = confirmed(VICTIM)
    EmailAddress.objects.create(user=owner, email="second@example.org", verified=True)
    client = browser()
    assert sign_in(client, VICTIM)
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    client.post("/accounts/email/", {"action_primary": "", "email": "second@example.org"})
    client.post("/accounts/email/", {"action_remove": "", "email": VICTIM})
    assert mails_to(VICTIM) == [
        "Your e-mail address was changed",
        "An address was removed from your account",
    ]
    types = Event.objects.filter(subject=owner.pk).values_list("type", flat=True)
    assert {"account.primary_address_changed", "account.address_removed"} <= set(types)


def test_only_the_primary_address_resets_and_a_reset_drops_the_others() -> None:
    owner = confirmed(VICTIM)
    EmailAddress.objects.create(user=owner, email="second@example.org", verified=True)
    browser().post("/accounts/password/reset/", {"email": "second@example.org"})
    assert "Choose a new password" not in mails_to("second@example.org")
    reset(browser(), VICTIM)
    assert [row.email for row in EmailAddress.objects.filter(user=owner)] == [VICTIM]
    assert "An address was removed from your account" in mails_to("second@example.org")
    assert "Your password was changed" in mails_to(VICTIM)


def test_mailed_links_lead_to_the_configured_site(settings: LazySettings) -> None:
    settings.ALLOWED_HOSTS = ["127.0.0.1", "other.example"]
    confirmed(VICTIM)
    other = browser(HTTP_HOST="other.example")
    other.post("/accounts/password/reset/", {"email": VICTIM})
    sign_up(other, "new@example.org", CHOSEN)
    sign_up(browser(HTTP_HOST="other.example"), VICTIM, CHOSEN)
    assert len(mail.outbox) == 3
    for message in mail.outbox:
        assert "other.example" not in str(message.body)
        assert f"{settings.ENVIRONMENT.base_url}/accounts/" in str(message.body)


def test_wrong_guesses_lock_out_their_own_network_alone() -> None:
    confirmed(VICTIM)
    guesser = browser(REMOTE_ADDR="203.0.113.7")
    for _ in range(5):
        assert not sign_in(guesser, VICTIM, THEIRS)
    assert not sign_in(guesser, VICTIM)
    assert sign_in(browser(REMOTE_ADDR="198.51.100.9"), VICTIM)


def test_a_reset_link_lets_the_owner_in_while_locked() -> None:
    confirmed(VICTIM)
    client = browser()
    for _ in range(6):
        sign_in(client, VICTIM, THEIRS)
    reset(client, VICTIM)
    assert sign_in(browser(), VICTIM, CHOSEN)


def test_the_browser_of_a_guest_sees_nothing_after_somebody_claimed_the_account() -> None:
    client = browser()
    question = {"full_name": "Gus Guest", "email": VICTIM, "content": "Who teaches?"}
    client.post("/support/", question)
    talk = Conversation.objects.get(person__guest_email=VICTIM)
    reference = ids.to_text("sup", talk.pk)
    session = client.session
    session["guest_conversations"] = [reference]
    session.save()
    assert client.get(f"/support/{reference}/").status_code == 200
    guest_flow.claim(guests.link_token(talk.person_id), CHOSEN)
    answer = client.get(f"/support/{reference}/")
    assert answer.headers["Location"].startswith("/accounts/login/")
