"""Sign-in for programs."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpRequest, HttpResponse
from ninja import Router

from matricula.accounts import actions, profiles, queries, tokens
from matricula.accounts.models import Person
from matricula.edges.api import schemas
from matricula.edges.api.answers import answer
from matricula.edges.api.authentication import SignedIn, active_person
from matricula.kernel import ids
from matricula.kernel.errors import AuthenticationRequired

router = Router(tags=["Sign-in"])
Problem = schemas.Problem


@router.post(
    "/auth/signup",
    auth=None,
    response={
        201: schemas.Tokens,
        202: schemas.CheckYourMail,
        400: Problem,
        409: Problem,
        422: Problem,
        429: Problem,
    },
)
def sign_up(request: HttpRequest, payload: schemas.Signup) -> HttpResponse:
    """Makes an account. Where addresses must be confirmed the answer is always 202, so that nobody
    learns whether an address has an account."""
    person = actions.sign_up(
        request,
        email=payload.email,
        password=payload.password,
        full_name=payload.full_name,
        phone=payload.phone or "",
    )
    if person is None:
        detail = "We sent a mail to this address. Follow its link to go on."
        return answer(schemas.CheckYourMail(detail=detail), 202)
    return answer(_tokens(person, tokens.issue(person.pk)), 201)


@router.post(
    "/auth/token",
    auth=None,
    response={
        200: schemas.Tokens,
        400: Problem,
        401: Problem,
        403: Problem,
        422: Problem,
        429: Problem,
    },
)
def get_token(request: HttpRequest, payload: schemas.Credentials) -> HttpResponse:
    """Signs in with e-mail address and password."""
    person = actions.authenticate(request, email=payload.email, password=payload.password)
    return answer(_tokens(person, tokens.issue(person.pk)))


@router.post(
    "/auth/token/refresh",
    auth=None,
    response={200: schemas.Tokens, 400: Problem, 401: Problem, 422: Problem},
)
def refresh_token(request: HttpRequest, payload: schemas.RefreshRequest) -> HttpResponse:  # noqa: ARG001
    """Spends a refresh token for the next pair. One used twice ends all of its family."""
    person_id, pair = tokens.rotate(payload.refresh_token)
    return answer(_tokens(_person(person_id), pair))


@router.post("/auth/token/revoke", auth=None, response={204: None, 400: Problem, 422: Problem})
def revoke_token(request: HttpRequest, payload: schemas.RefreshRequest) -> HttpResponse:  # noqa: ARG001
    """Ends the family of this refresh token. Unknown tokens are ignored."""
    tokens.revoke(payload.refresh_token)
    return HttpResponse(status=204)


@router.get("/me", auth=SignedIn(), response={200: schemas.User, 401: Problem})
def me(request: HttpRequest) -> HttpResponse:
    """The person this token or session speaks for."""
    return answer(_profile(active_person(request)))


@router.patch(
    "/me",
    auth=SignedIn(),
    response={
        200: schemas.User,
        400: Problem,
        401: Problem,
        403: Problem,
        409: Problem,
        422: Problem,
    },
)
def change_me(request: HttpRequest, payload: schemas.ProfileChange) -> HttpResponse:
    """Changes what the person tells of themselves. Courses may ask for it."""
    person = active_person(request)
    asked = payload.dict(exclude_unset=True)
    return answer(_profile(profiles.change(person.pk, **asked)))


def _profile(person: Person) -> schemas.User:
    user = _user(person)
    user.birth_date = person.birth_date
    return user


def _person(person_id: UUID) -> Person:
    person = queries.active_person(person_id)
    if person is None:
        raise AuthenticationRequired
    return person


def _user(person: Person) -> schemas.User:
    return schemas.User(
        id=ids.to_text("usr", person.pk),
        email=person.email,
        full_name=person.full_name,
        phone=person.phone,
        birth_date=None,
    )


def _tokens(person: Person, pair: tokens.TokenPair) -> schemas.Tokens:
    return schemas.Tokens(
        user=_user(person),
        access_token=pair.access_token,
        refresh_token=pair.refresh_token,
        expires_in=pair.expires_in,
    )
