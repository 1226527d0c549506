"""The console's Content-Security-Policy, as strict as its theme lets it be."""

from __future__ import annotations

from django.http import HttpResponse

HEADER = "Content-Security-Policy"

# unfold's Alpine evaluates its attributes ('unsafe-eval') and sets style attributes, and htmx adds
# a style element. Neither has inline scripts or asks another host for anything.
DIRECTIVES = {
    "default-src": "'self'",
    "script-src": "'self' 'unsafe-eval'",
    "style-src": "'self' 'unsafe-inline'",
    "img-src": "'self' data:",
    "object-src": "'none'",
    "base-uri": "'self'",
    "form-action": "'self'",
    "frame-ancestors": "'none'",
}
CONSOLE_POLICY = "; ".join(f"{name} {sources}" for name, sources in DIRECTIVES.items())


def protect(response: HttpResponse) -> HttpResponse:
    """The response with the console's policy, unless it brings a stricter one of its own."""
    response.headers.setdefault(HEADER, CONSOLE_POLICY)
    return response
