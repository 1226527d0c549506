"""Around every request: its correlation id, log line and figures, and what becomes of errors."""

from __future__ import annotations

import time
from collections.abc import Callable
from http import HTTPStatus

from django.core.exceptions import SuspiciousOperation
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.middleware.gzip import GZipMiddleware
from django.utils.cache import patch_vary_headers
from django.utils.translation import gettext_lazy as _

from matricula.edges import form_bodies, problems, request_log
from matricula.edges.metrics import count_request
from matricula.kernel import correlation
from matricula.kernel.errors import (
    DomainError,
    Guidance,
    MalformedRequest,
    MethodNotAllowed,
    RateLimited,
)

GetResponse = Callable[[HttpRequest], HttpResponse]
HEADER = "X-Correlation-Id"
LIMITED = "X-Matricula-Limited"  # said by the front (`front.py`), who lets nobody else say it
PERMISSIONS_POLICY = "camera=(), geolocation=(), microphone=(), payment=(self)"
# Nothing under these is for a cache: it is somebody's, or holds a token or a link.
_PERSONAL = (
    "/accounts/",
    "/cart/",
    "/demo/",
    "/guests/",
    "/me/",
    "/pay/",
    "/support/",
    "/unsubscribe/",
    "/api/v1/auth/",
    "/api/v1/me",
    "/api/v1/enrollments",
    "/api/v1/support",
)


class RequestContext:
    """Gives the request its correlation id, logs it and counts it."""

    def __init__(self, get_response: GetResponse) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        correlation_id = correlation.accept_or_make(request.headers.get(HEADER))
        began = time.perf_counter()
        with correlation.following(correlation_id):
            response = self._get_response(request)
            self._record(request, response, time.perf_counter() - began)
        response[HEADER] = correlation_id
        response.setdefault("Permissions-Policy", PERMISSIONS_POLICY)
        return response

    @staticmethod
    def _record(request: HttpRequest, response: HttpResponse, seconds: float) -> None:
        match = request.resolver_match
        route = f"/{match.route}" if match else "(none)"
        count_request(request.method or "", route, response.status_code, seconds)
        request_log.write(request.method or "", route, response.status_code, seconds)


class ErrorPages:
    """Turns every failure into an answer: problem details under /api/, a page elsewhere."""

    def __init__(self, get_response: GetResponse) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if "\x00" in request.path or "%00" in request.META.get("QUERY_STRING", ""):
            return self.process_exception(request, MalformedRequest(_("It holds a NUL character.")))
        if LIMITED in request.headers:
            wait = Guidance(retry_after=int(request.headers[LIMITED]))
            return self.process_exception(request, RateLimited(guidance=wait))
        try:
            form_bodies.check(request)
        except (DomainError, SuspiciousOperation) as error:
            return self.process_exception(request, error)
        response = self._get_response(request)
        if request.path.startswith("/api/"):
            if response.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
                response = _with_problem(response)
            patch_vary_headers(response, ["Authorization", "Cookie"])
        if request.path.startswith(_PERSONAL) and "Cache-Control" not in response:
            response["Cache-Control"] = "no-store"
        return response

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse:
        error = problems.as_domain_error(exception)
        if request.path.startswith("/api/"):
            return problems.respond(error)
        from matricula.edges.web.views.errors import error_page

        return error_page(request, error)


def _with_problem(response: HttpResponse) -> HttpResponse:
    """The framework's plain refusal of a method, as a problem; `Allow` stays."""
    refusal = problems.respond(MethodNotAllowed())
    refusal["Allow"] = response.get("Allow", "GET")
    return refusal


class Compressed(GZipMiddleware):
    """Compresses pages and static files; each page says a different length, against guessing
    (BREACH). The API's answers are short, and the same bytes from the live edge and from here."""

    def process_response(
        self, request: HttpRequest, response: HttpResponseBase
    ) -> HttpResponseBase:
        if request.path.startswith("/api/"):
            return response
        return super().process_response(request, response)
