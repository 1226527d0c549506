"""The API itself: its OpenAPI document, and what becomes of failures."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from ninja import NinjaAPI
from ninja.errors import HttpError, ValidationError
from ninja.openapi.schema import OpenAPISchema

from matricula import __version__
from matricula.edges import problems
from matricula.edges.api import accounts, courses, enrollments
from matricula.edges.api.answers import Renderer
from matricula.edges.api.parsing import StrictParser
from matricula.kernel.errors import (
    FieldError,
    Guidance,
    MalformedRequest,
    NotFound,
    ValidationFailed,
)

_PROBLEM_REF = "#/components/schemas/Problem"
_SOURCES = {"body", "query", "path", "header", "form"}


class MatriculaAPI(NinjaAPI):
    """Says of each failure in the document that it is a problem, with its own media type."""

    def get_openapi_schema(self, **options: Any) -> OpenAPISchema:
        document = super().get_openapi_schema(**options)
        for operations in document["paths"].values():
            for operation in operations.values():
                for response in operation["responses"].values():
                    _mark_problem(response)
        return document


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
api.add_router("", enrollments.router)


@api.exception_handler(ValidationError)
def invalid_input(request: HttpRequest, error: ValidationError) -> HttpResponse:  # noqa: ARG001
    """Input that has not the declared shape: each field is named."""
    fields = [FieldError(_field(entry["loc"]), str(entry["msg"])) for entry in error.errors]
    return problems.respond(ValidationFailed(guidance=Guidance(errors=fields)))


@api.exception_handler(HttpError)
def unreadable(request: HttpRequest, error: HttpError) -> HttpResponse:  # noqa: ARG001
    """What the framework refuses by itself."""
    cause = error.__cause__ or error.__context__
    if isinstance(cause, MalformedRequest):
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
