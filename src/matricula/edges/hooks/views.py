"""`POST /webhooks/<provider>`: stored, then answered."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt

from matricula.edges import problems
from matricula.edges.metrics import WEBHOOKS
from matricula.kernel.errors import DomainError, MethodNotAllowed, NotFound, PayloadTooLarge
from matricula.payments import inbox


@csrf_exempt
def receive(request: HttpRequest, provider: str) -> HttpResponse:
    """200 once it is stored, or was stored before; 400 for a bad signature or an unreadable body. A
    database that is away is a 5xx, so that the gateway sends it again."""
    try:
        return _receive(request, provider)
    except DomainError as error:
        known = "unknown" if isinstance(error, NotFound) else provider
        WEBHOOKS.labels(known, error.code).inc()
        return problems.respond(error)


def _receive(request: HttpRequest, provider: str) -> HttpResponse:
    if request.method != "POST":
        raise MethodNotAllowed
    if int(request.META.get("CONTENT_LENGTH") or 0) > inbox.LARGEST_BODY:
        raise PayloadTooLarge
    headers = {name.lower(): value for name, value in request.headers.items()}
    is_new = inbox.receive(provider, headers, request.body)
    outcome = "stored" if is_new else "duplicate"
    WEBHOOKS.labels(provider, outcome).inc()
    return JsonResponse({"status": outcome})
