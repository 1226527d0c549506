"""POST /api/v1/enrollments/initialize at the desk: the front answers it itself, so that a crowd's
requests reach `flows/desk.py` together, and not as many at a time as Django has threads.

Only the plain way is gone here: a bearer token and a well-formed body. Everything else is left to
Django's operation, which uses the same desk and the same words; a test holds the two together, byte
for byte. What has to be paid for is finished beside (`finishing.py`).
"""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

from django.http import HttpResponse
from pydantic import ValidationError

from matricula.edges import problems
from matricula.edges.api import enrollment_schemas as schemas
from matricula.edges.api import idempotent, initializing, parsing
from matricula.edges.api.answers import MEDIA_TYPE
from matricula.edges.live import identity
from matricula.edges.live.requests import LiveRequest, Ready
from matricula.enrollments.states import Stage
from matricula.flows.applications import AlreadyAnswered, Application, Receipt, Request, Unfinished
from matricula.kernel import idempotency
from matricula.kernel.errors import DomainError
from matricula.waitingroom import queries as waitingroom
from matricula.waitingroom.rules import Place

ONCE = (b"authorization", b"idempotency-key")
# A crowd sends the same few bodies: what they ask for, but for whose it is, is understood once.
MOST_UNDERSTOOD = 500
LONGEST_UNDERSTOOD = 300  # bytes
_understood: dict[bytes, Application] = {}


async def initialize(request: LiveRequest) -> HttpResponse | Ready | None:
    """Enrolls, or says why not; None when it is for Django to answer."""
    if not _is_plain(request):
        return None
    person = await identity.required(request)
    try:
        application = _application(person.person_id, request.body)
        key = idempotency.checked_key(request.header(idempotent.HEADER.lower()))
    except (ValidationError, DomainError):
        return None
    return await _serve(request, application, key)


def _application(person_id: UUID, body: bytes) -> Application:
    """What is asked for. Raises ValidationError and DomainError."""
    known = _understood.get(body)
    if known is None:
        payload = schemas.Initialize.model_validate(parsing.read_json(body))
        known = initializing.application(person_id, payload)
        if len(body) <= LONGEST_UNDERSTOOD and not (payload.success_url or payload.cancel_url):
            if len(_understood) >= MOST_UNDERSTOOD:
                _understood.clear()
            _understood[body] = known
    return replace(known, person_id=person_id)


async def _serve(
    request: LiveRequest, application: Application, key: str | None
) -> HttpResponse | Ready:
    keyed = None
    if key is not None:
        print_ = idempotency.fingerprint(f"POST {request.scope['path']}", request.body)
        keyed = initializing.keyed(key, print_)
    asked = Request(application, keyed)
    outcome = await request.resources.desk.submit_here(asked)
    if isinstance(outcome, Unfinished):
        return await request.resources.finishing.finish(asked, outcome)
    if isinstance(outcome, Receipt) and outcome.stage is Stage.REQUESTED:
        rows = await request.resources.database.rows(waitingroom.PLACE, [outcome.enrollment_id])
        return initializing.queued(outcome, key, Place(*rows[0]) if rows else None)
    if isinstance(outcome, Receipt):
        status, text, _is_complete = initializing.made_as_text(outcome, key)
        return Ready(status, MEDIA_TYPE, text.encode())
    if isinstance(outcome, AlreadyAnswered | DomainError):
        return initializing.refused(outcome)
    return initializing.refused(problems.as_domain_error(outcome))


def _is_plain(request: LiveRequest) -> bool:
    names = [name for name, _ in request.scope["headers"]]
    is_bearer = b"authorization" in names
    return (
        is_bearer
        and not request.scope["query_string"]
        and all(names.count(name) < 2 for name in ONCE)  # noqa: PLR2004 - Django joins them
    )
