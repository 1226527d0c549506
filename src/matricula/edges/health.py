"""For machines that watch: is the process alive, is it ready, what are its figures."""

from __future__ import annotations

import os
import secrets

from django.conf import settings
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from matricula import __version__
from matricula.edges import problems
from matricula.edges.line_metrics import ROOMS
from matricula.kernel.errors import AuthenticationRequired

_migrated = False


@require_safe
def alive(request: HttpRequest) -> HttpResponse:  # noqa: ARG001
    """The process answers. Says nothing of the database: a restart would not mend that."""
    return JsonResponse({"status": "ok", "version": __version__})


@require_safe
def ready(request: HttpRequest) -> HttpResponse:  # noqa: ARG001
    """Whether requests should be sent here: the database answers and is of this version."""
    try:
        if not _is_migrated():
            return JsonResponse({"status": "migrating"}, status=503)
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return JsonResponse({"status": "database_unavailable"}, status=503)
    return JsonResponse({"status": "ready", "version": __version__})


@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """The figures of every web process of this machine, for holders of the metrics token."""
    offered = request.headers.get("Authorization", "").removeprefix("Bearer ")
    if not secrets.compare_digest(offered.encode(), settings.ENVIRONMENT.metrics_token.encode()):
        return problems.respond(AuthenticationRequired("Send the metrics token as bearer."))
    registry = REGISTRY
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    figures = generate_latest(registry) + generate_latest(ROOMS)
    return HttpResponse(figures, content_type=CONTENT_TYPE_LATEST)


def _is_migrated() -> bool:
    """Whether nothing is left to migrate; asked until it is so, then known."""
    global _migrated  # noqa: PLW0603 - a fact that never turns false again
    if not _migrated:
        executor = MigrationExecutor(connection)
        _migrated = not executor.migration_plan(executor.loader.graph.leaf_nodes())
    return _migrated
