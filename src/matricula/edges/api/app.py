"""The API itself: its OpenAPI document, and what becomes of failures."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from ninja import NinjaAPI
from ninja.errors import HttpError, ValidationError
from ninja.openapi.schema import OpenAPISchema

from matricula import __version__
from matricula.edges import problems
from matricula.edges.api import (
    accounts,
    courses,
    embedding,
    enrollments,
    idempotent,
    live,
    orders,
    payments,
    recommendations,
    support,
    waitlists,
    webhooks,
)
from matricula.edges.api.answers import Renderer
from matricula.edges.api.parsing import StrictParser
from matricula.kernel.errors import (
    DomainError,
    FieldError,
    Guidance,
    MalformedRequest,
    NotFound,
    ValidationFailed,
)
from matricula.kernel.idempotency import LONGEST_KEY

_PROBLEM_REF = "#/components/schemas/Problem"
# What any request can meet.
_ANYWHERE = (
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    HTTPStatus.TOO_MANY_REQUESTS,
    HTTPStatus.SERVICE_UNAVAILABLE,
)
_IDEMPOTENCY_KEY: dict[str, Any] = {
    "in": "header",
    "name": idempotent.HEADER,
    "required": False,
    "description": "Repeated with the same key and body, the first answer comes again.",
    "schema": {"type": "string", "minLength": 1, "maxLength": LONGEST_KEY},
}
# Where one of these is in the path, every POST takes a key.
_KEYED = ("/enrollments/", "/orders/", "/support/", "/waitlist")
_SOURCES = {"body", "query", "path", "header", "form"}


class MatriculaAPI(NinjaAPI):
    """Adds to the document what every operation shares: problems, and the Idempotency-Key."""

    def get_openapi_schema(self, **options: Any) -> OpenAPISchema:
        document = super().get_openapi_schema(**options)
        for path, operations in document["paths"].items():
            for method, operation in operations.items():
                for status in _ANYWHERE:
                    operation["responses"].setdefault(status, _problem(status))
                for response in operation["responses"].values():
                    _mark_problem(response)
                if method == "post" and any(part in path for part in _KEYED):
                    operation["parameters"].append(_IDEMPOTENCY_KEY)
        document["webhooks"] = webhooks.webhooks()
        return document


def _problem(status: HTTPStatus) -> dict[str, Any]:
    content = {"application/json": {"schema": {"$ref": _PROBLEM_REF}}}
    return {"description": status.phrase, "content": content}


def _mark_problem(response: dict[str, Any]) -> None:
    content = response.get("content", {}).get("application/json")
    if content and content["schema"].get("$ref") == _PROBLEM_REF:
        response["content"] = {problems.MEDIA_TYPE: content}


api = MatriculaAPI(
    title="Matricula",
    version=__version__,
    description="Find a course, get a seat, pay, and be let in.",
    urls_namespace="api",
    renderer=Renderer(),
    parser=StrictParser(),
    openapi_url="/openapi.json",
    docs_url="/docs",
)
api.add_router("", accounts.router)
api.add_router("", courses.router)
api.add_router("", recommendations.router)
api.add_router("", embedding.router)
api.add_router("", enrollments.router)
api.add_router("", payments.router)
api.add_router("", live.router)
api.add_router("", orders.router)
api.add_router("", support.router)
api.add_router("", waitlists.router)


@api.exception_handler(ValidationError)
def invalid_input(request: HttpRequest, error: ValidationError) -> HttpResponse:  # noqa: ARG001
    """Input that has not the declared shape: each field is named."""
    fields = [FieldError(_field(entry["loc"]), str(entry["msg"])) for entry in error.errors]
    return problems.respond(ValidationFailed(guidance=Guidance(errors=fields)))


@api.exception_handler(HttpError)
def unreadable(request: HttpRequest, error: HttpError) -> HttpResponse:  # noqa: ARG001
    """What the framework refuses by itself."""
    cause = error.__cause__ or error.__context__
    if isinstance(cause, DomainError):
        return problems.respond(cause)
    return problems.respond(MalformedRequest(str(error)))


@api.exception_handler(Http404)
def missing(request: HttpRequest, error: Http404) -> HttpResponse:  # noqa: ARG001
    return problems.respond(NotFound())


@api.exception_handler(Exception)
def failed(request: HttpRequest, error: Exception) -> HttpResponse:  # noqa: ARG001
    """Every other failure, expected or not."""
    return problems.respond(problems.as_domain_error(error))


def _field(location: tuple[Any, ...]) -> str:
    parts = [str(part) for part in location]
    if len(parts) > 1 and parts[0] in _SOURCES:
        parts = parts[1:]
    if parts[0] in {"payload", "filters"}:  # our own parameter names
        parts = parts[1:]
    return ".".join(parts) or "body"
