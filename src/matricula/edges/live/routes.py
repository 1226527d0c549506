"""What the live edge answers. One line an endpoint: add yours here, its code in a file of its own.

An endpoint is `async def (LiveRequest) -> HttpResponse | Ready | Stream | None`. It raises
DomainErrors as any API operation does. `app.py` gives it the correlation id, problem details, log
line, figures and headers. None leaves the request to Django, whose operation of the same path
documents it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from matricula.edges.live.bells import stream_bell
from matricula.edges.live.desk import initialize
from matricula.edges.live.polls import poll_events
from matricula.edges.live.requests import Endpoint
from matricula.edges.live.seats import stream_seats
from matricula.edges.live.streams import stream_events
from matricula.edges.live.webhooks import receive_webhook


@dataclass(frozen=True)
class Route:
    """`path` in Django's notation; `<name>` stands for one part. Figures and logs show it."""

    method: str
    path: str
    endpoint: Endpoint


ROUTES = (
    Route("POST", "/api/v1/enrollments/initialize", initialize),
    Route("GET", "/api/v1/enrollments/<enrollment_id>/events", stream_events),
    Route("GET", "/api/v1/enrollments/<enrollment_id>/events/poll", poll_events),
    Route("GET", "/api/v1/waitlist/<enrollment_id>/events", stream_events),
    Route("GET", "/api/v1/waitlist/<enrollment_id>/events/poll", poll_events),
    Route("GET", "/api/v1/seats/events", stream_seats),
    Route("GET", "/api/v1/messages/events", stream_bell),
    Route("POST", "/webhooks/<provider>", receive_webhook),
)
# WebSockets are opened here; what is said over them stands in `messages.py`.
SOCKETS = "/api/v1/live"


class Table:
    """Finds the route of a request."""

    def __init__(self, routes: tuple[Route, ...]) -> None:
        self._plain = {(r.method, r.path): r for r in routes if "<" not in r.path}
        self._patterns = [
            (r, re.compile(re.sub(r"<(\w+)>", r"(?P<\1>[^/]+)", r.path)))
            for r in routes
            if "<" in r.path
        ]

    def find(self, method: str, path: str) -> tuple[Route, dict[str, str]] | None:
        """The route and the path's parts, or None when Django serves it."""
        route = self._plain.get((method, path))
        if route is not None:
            return route, {}
        for candidate, pattern in self._patterns:
            if candidate.method == method and (match := pattern.fullmatch(path)):
                return candidate, match.groupdict()
        return None
