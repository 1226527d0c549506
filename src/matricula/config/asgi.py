"""The one ASGI entry of a web process. Everything here is ordinary synchronous Django, run in a
small pool of threads; what waits (streams, the desk) will be served before it, by the async front.
"""

from __future__ import annotations

import os
from typing import Any, cast

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "matricula.config.settings")

from a2wsgi import WSGIMiddleware
from django.core.wsgi import get_wsgi_application

from matricula.edges.front import Front

# As many threads as there are pooled connections, twice over: a thread without a connection waits
# for one for a moment, a thread that only renders needs none.
THREADS = 8

# Both libraries describe the same two protocols, in types of their own.
_django = WSGIMiddleware(cast("Any", get_wsgi_application()), workers=THREADS)
application = Front(cast("Any", _django))
