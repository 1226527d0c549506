"""The one ASGI entry of a web process. What waits (`edges/live/routes.py` lists it) is served by
the async edge; everything else is ordinary synchronous Django, run in a small pool of threads.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, cast

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "matricula.config.settings")

from a2wsgi import WSGIMiddleware
from django.conf import settings
from django.core.wsgi import get_wsgi_application

if TYPE_CHECKING:
    from matricula.edges.front import Front

# As many threads as there are pooled connections, twice over: a thread without a connection waits
# for one for a moment, a thread that only renders needs none.
THREADS = 8


def _front() -> Front:
    django = WSGIMiddleware(cast("Any", get_wsgi_application()), workers=THREADS)
    # Only now that Django is set up can the edges be imported.
    from matricula.edges.front import Front
    from matricula.edges.limits import Limits
    from matricula.edges.live.app import LiveApplication

    # In demo mode everybody is on loopback, so addresses tell nobody apart.
    environment = settings.ENVIRONMENT
    limits = Limits(count_loopback=not environment.demo) if environment.limits else None
    # Both libraries describe the same two protocols, in types of their own.
    return Front(cast("Any", django), LiveApplication(), limits)


application = _front()
