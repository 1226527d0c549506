"""Tokens of programs: good for one use, and a thief is noticed."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import jwt
import pytest
from django.conf import settings
from django.test import Client
from django.utils import timezone

from matricula.accounts import actions, tokens
from matricula.accounts.errors import TokenRefused
from matricula.accounts.models import Person, RefreshToken
from matricula.accounts.tokens import REFRESH_LIFETIME, TokenPair
from matricula.kernel import clock, ids
from matricula.kernel.errors import DomainError, TokenExpired
from tests.support.crowds import all_at_once, during
from tests.support.people import PASSWORD, person


def later(by: timedelta) -> Callable[[], datetime]:
    moment = timezone.now() + by
    return lambda: moment


def is_good(refresh_token: str) -> bool:
    try:
        tokens.rotate(refresh_token)
    except TokenRefused:
        return False
    return True


def claims_of(token: str) -> dict[str, object]:
    return dict(jwt.decode(token, options={"verify_signature": False}))


def signed(**changes: object) -> str:
    """An access token of ours with some claims changed; None takes a claim away."""
    claims = {**claims_of(tokens.access_token(ids.new_id())), **changes}
    kept = {name: value for name, value in claims.items() if value is not None}
    return jwt.encode(kept, settings.SECRET_KEY, algorithm="HS256")


def test_an_access_token_speaks_for_its_person() -> None:
    person_id = ids.new_id()
    assert tokens.read_access(tokens.access_token(person_id)) == person_id


def test_an_access_token_holds_an_id_and_times_and_nothing_about_the_person(
    learner: Person,
) -> None:
    pair = tokens.issue(learner.pk)
    claims = claims_of(pair.access_token)
    assert set(claims) == {"iss", "aud", "sub", "sid", "iat", "exp"}
    assert claims["sub"] == ids.to_text("usr", learner.pk)


def test_expires_in_is_the_life_of_the_access_token(learner: Person) -> None:
    pair = tokens.issue(learner.pk)
    claims = claims_of(pair.access_token)
    assert isinstance(claims["exp"], int)
    assert isinstance(claims["iat"], int)
    assert claims["exp"] - claims["iat"] == pair.expires_in == 1800


def test_an_old_access_token_is_expired() -> None:
    with pytest.raises(TokenExpired):
        tokens.read_access(tokens.access_token(ids.new_id(), timedelta(minutes=-1)))


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "another"},
        {"aud": "another-api"},
        {"sub": None},
        {"exp": None},
        {"sub": "usr_nonsense"},
        {"sub": ids.to_text("crs", ids.new_id())},
    ],
)
def test_a_token_made_for_something_else_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(TokenRefused):
        tokens.read_access(signed(**changes))


def test_a_token_signed_by_another_key_is_refused() -> None:
    claims = claims_of(tokens.access_token(ids.new_id()))
    with pytest.raises(TokenRefused):
        tokens.read_access(jwt.encode(claims, "k" * 40, algorithm="HS256"))


def test_a_token_without_a_signature_is_refused() -> None:
    claims = claims_of(tokens.access_token(ids.new_id()))
    with pytest.raises(TokenRefused):
        tokens.read_access(jwt.encode(claims, None, algorithm="none"))


@pytest.mark.parametrize("text", ["", "a.b.c", "नमस्ते", "\x00", "a" * 5000])
def test_what_is_no_token_is_refused(text: str) -> None:
    with pytest.raises(TokenRefused):
        tokens.read_access(text)


def test_a_refresh_token_is_kept_only_as_a_digest(learner: Person) -> None:
    pair = tokens.issue(learner.pk)
    row = RefreshToken.objects.get(person=learner)
    assert pair.refresh_token not in {str(value) for value in vars(row).values()}


def test_a_refresh_token_buys_the_next_pair_of_its_person(learner: Person) -> None:
    first = tokens.issue(learner.pk)
    person_id, second = tokens.rotate(first.refresh_token)
    assert person_id == learner.pk
    assert second.refresh_token != first.refresh_token
    assert tokens.read_access(second.access_token) == learner.pk
    assert is_good(second.refresh_token)


def test_a_refresh_token_used_twice_ends_its_whole_family(learner: Person) -> None:
    first = tokens.issue(learner.pk)
    _, second = tokens.rotate(first.refresh_token)
    assert not is_good(first.refresh_token)
    assert not is_good(second.refresh_token)


def test_a_refresh_token_used_twice_leaves_other_families_alone(learner: Person) -> None:
    other, first = tokens.issue(learner.pk), tokens.issue(learner.pk)
    tokens.rotate(first.refresh_token)
    assert not is_good(first.refresh_token)
    assert is_good(other.refresh_token)


@pytest.mark.parametrize("text", ["", "unknown", "\ud800", "\x00", "é" * 10_000])
def test_an_unknown_refresh_token_is_refused(db: None, text: str) -> None:
    assert not is_good(text)


def test_a_refresh_token_past_its_life_is_refused(learner: Person) -> None:
    pair = tokens.issue(learner.pk)
    with clock.using(later(REFRESH_LIFETIME)):
        assert not is_good(pair.refresh_token)


def test_a_refresh_token_is_good_until_the_end_of_its_life(learner: Person) -> None:
    pair = tokens.issue(learner.pk)
    with clock.using(later(REFRESH_LIFETIME - timedelta(minutes=1))):
        assert is_good(pair.refresh_token)


def test_revoking_any_token_of_a_family_ends_it(learner: Person) -> None:
    first = tokens.issue(learner.pk)
    _, second = tokens.rotate(first.refresh_token)
    tokens.revoke(first.refresh_token)
    assert not is_good(second.refresh_token)


def test_revoking_an_unknown_token_is_no_error(db: None) -> None:
    tokens.revoke("unknown")


def test_a_closed_account_gets_no_more_tokens(learner: Person) -> None:
    pair = tokens.issue(learner.pk)
    Person.objects.filter(pk=learner.pk).update(is_active=False)
    assert not is_good(pair.refresh_token)


def test_an_account_opened_again_keeps_its_unspent_token(learner: Person) -> None:
    pair = tokens.issue(learner.pk)
    Person.objects.filter(pk=learner.pk).update(is_active=False)
    assert not is_good(pair.refresh_token)
    Person.objects.filter(pk=learner.pk).update(is_active=True)
    assert is_good(pair.refresh_token)


def test_a_new_password_ends_every_family_of_the_person_and_no_other(learner: Person) -> None:
    mine = [tokens.issue(learner.pk), tokens.issue(learner.pk)]
    others = tokens.issue(person().pk)
    browser = Client(HTTP_HOST="127.0.0.1")
    browser.force_login(learner)
    browser.post(
        "/accounts/password/change/",
        {"oldpassword": PASSWORD, "password1": "another-horse-77", "password2": "another-horse-77"},
    )
    learner.refresh_from_db()
    assert learner.check_password("another-horse-77")
    assert [is_good(pair.refresh_token) for pair in mine] == [False, False]
    assert is_good(others.refresh_token)


def test_a_password_given_by_the_operator_ends_the_tokens_too(learner: Person) -> None:
    pair = tokens.issue(learner.pk)
    actions.create_staff(learner.email, "another-horse-77")
    assert not is_good(pair.refresh_token)


def test_tokens_past_their_life_are_forgotten_and_no_others(learner: Person) -> None:
    with clock.using(later(-REFRESH_LIFETIME - timedelta(minutes=1))):
        old = tokens.issue(learner.pk)
    young = tokens.issue(learner.pk)
    assert tokens.forget_old() == 1
    assert not is_good(old.refresh_token)
    assert is_good(young.refresh_token)


def test_of_many_uses_at_once_at_most_one_succeeds(address: str) -> None:
    pair = tokens.issue(person().pk)
    answers = all_at_once(address, [lambda: tokens.rotate(pair.refresh_token)] * 8)
    won = [answer for answer in answers if isinstance(answer, tuple)]
    assert len(won) == 1
    assert all(isinstance(answer, TokenRefused) for answer in answers if answer not in won)


def test_many_uses_at_once_end_the_family(address: str) -> None:
    pair = tokens.issue(person().pk)
    answers = all_at_once(address, [lambda: tokens.rotate(pair.refresh_token)] * 8)
    (won,) = [answer for answer in answers if isinstance(answer, tuple)]
    assert not is_good(won[1].refresh_token)


def test_without_the_row_lock_one_token_would_be_spent_twice(address: str) -> None:
    """Negative control: reading without the lock and then writing lets both win."""
    pair = tokens.issue(person().pk)
    row = RefreshToken.objects.get(digest=tokens._digest(pair.refresh_token))

    def spend_what_was_read() -> int:
        unused = RefreshToken.objects.get(pk=row.pk).used_at is None
        return RefreshToken.objects.filter(pk=row.pk).update(used_at=clock.now()) if unused else 0

    second = during(address, spend_what_was_read, spend_what_was_read)
    assert second.result() == 1


def during_a_rotation(address: str, ending: Callable[[UUID, TokenPair], None]) -> str:
    """What a rotation that is not yet committed hands out while `ending` runs beside it."""
    someone = person().pk
    pair = tokens.issue(someone)
    made: list[TokenPair] = []
    done = during(
        address,
        lambda: made.append(tokens.rotate(pair.refresh_token)[1]),
        lambda: ending(someone, pair),
    )
    done.result()
    return made[0].refresh_token


def test_a_new_password_ends_the_token_of_a_rotation_at_the_same_time(address: str) -> None:
    survivor = during_a_rotation(address, lambda someone, _: tokens.revoke_all(someone))
    assert not is_good(survivor)


def test_signing_out_ends_the_token_of_a_rotation_at_the_same_time(address: str) -> None:
    survivor = during_a_rotation(address, lambda _, pair: tokens.revoke(pair.refresh_token))
    assert not is_good(survivor)


def test_a_reuse_noticed_during_a_rotation_ends_its_token_too(address: str) -> None:
    first = tokens.issue(person().pk)
    _, stolen = tokens.rotate(first.refresh_token)
    made: list[TokenPair] = []
    noticed = during(
        address,
        lambda: made.append(tokens.rotate(stolen.refresh_token)[1]),
        lambda: is_good(first.refresh_token),
    )
    assert noticed.result() is False
    assert not is_good(made[0].refresh_token)


@pytest.mark.parametrize(
    "claims",
    [
        {},
        {"exp": -5},
        {"exp": -3600},
        {"iat": 5},
        {"iat": 3600},
        {"exp": "soon"},
        {"exp": 1e3},
        {"aud": "another"},
        {"iss": "another"},
        {"sub": "usr_nonsense"},
        {"sub": 7},
        {"nbf": 3600},
        {"more": "than we write"},
    ],
)
@pytest.mark.parametrize("key", ["ours", "another's"])
def test_the_short_way_to_read_a_token_decides_as_the_library(
    claims: dict[str, Any], key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    moment = int(time.time())
    sent: dict[str, Any] = {
        "iss": "matricula",
        "aud": "matricula-api",
        "sub": ids.to_text("usr", ids.new_id()),
        "iat": moment,
        "exp": moment + 60,
    }
    for name, value in claims.items():
        is_time = name in {"exp", "iat", "nbf"} and isinstance(value, int)
        sent[name] = moment + value if is_time else value
    secret = settings.SECRET_KEY if key == "ours" else "x" * 40
    token = jwt.encode(sent, secret, algorithm="HS256")
    short = _what_becomes_of(token)
    monkeypatch.setattr(tokens, "_plainly_good", lambda token: None)  # noqa: ARG005
    assert short == _what_becomes_of(token)


def _what_becomes_of(token: str) -> object:
    try:
        return tokens.read_claims(token)
    except DomainError as refused:
        return type(refused)


def test_a_token_as_we_make_it_is_read_the_short_way() -> None:
    assert tokens._plainly_good(tokens.access_token(ids.new_id())) is not None


@pytest.mark.parametrize("token", ["", "a.b.c", "a.b", "ä.b.c", "a.b.c.d"])
def test_what_is_no_token_is_not_read_the_short_way(token: str) -> None:
    assert tokens._plainly_good(token) is None


def test_what_was_read_before_ends_when_it_says_it_does(monkeypatch: pytest.MonkeyPatch) -> None:
    token = tokens.access_token(ids.new_id())
    read = tokens.read_claims(token)
    monkeypatch.setattr("time.time", lambda: read.expires_at.timestamp() - 1)
    assert tokens._plainly_good(token) is read  # kept, and not read again
    monkeypatch.setattr("time.time", read.expires_at.timestamp)
    assert tokens._plainly_good(token) is None


def test_what_was_read_under_another_secret_counts_for_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    token = tokens.access_token(ids.new_id())
    tokens.read_claims(token)
    monkeypatch.setattr(settings, "SECRET_KEY", "y" * 40)
    with pytest.raises(TokenRefused):
        tokens.read_claims(token)
