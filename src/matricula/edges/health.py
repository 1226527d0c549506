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
from matricula.edges.backlog_metrics import BACKLOGS
from matricula.edges.line_metrics import ROOMS
from matricula.kernel import backlogs
from matricula.kernel.errors import AuthenticationRequired

DEGRADED_AFTER_SECONDS = 60.0
_migrated = False


@require_safe
def alive(request: HttpRequest) -> HttpResponse:  # noqa: ARG001
    """The process answers. Says nothing of the database: a restart would not mend that."""
    return JsonResponse({"status": "ok", "version": __version__})


@require_safe
def ready(request: HttpRequest) -> HttpResponse:  # noqa: ARG001
    """Whether requests should be sent here: the database answers, is of this version, and
    background work keeps up. While some lags or is set aside the answer is `degraded` (200); when
    a vital queue lags by more than `MATRICULA_NOT_READY_AFTER_SECONDS`, `stalled` (503): people
    would enroll and pay, and hear nothing.
    """
    try:
        if not _is_migrated():
            return JsonResponse({"status": "migrating"}, status=503)
        found = backlogs.backlogs()
    except DatabaseError:
        return JsonResponse({"status": "database_unavailable"}, status=503)
    late = backlogs.late(found, DEGRADED_AFTER_SECONDS)
    limit = settings.ENVIRONMENT.not_ready_after_seconds
    vital = [backlog for backlog in late if backlog.queue.is_vital]
    is_stalled = bool(limit and backlogs.late(vital, limit))
    set_aside = {backlog.queue.name: backlog.set_aside for backlog in found if backlog.set_aside}
    is_degraded = bool(late or set_aside)
    told = {
        "status": "stalled" if is_stalled else "degraded" if is_degraded else "ready",
        "version": __version__,
        "late_seconds": {late_.queue.name: round(late_.oldest_seconds) for late_ in late},
        "set_aside": set_aside,
    }
    return JsonResponse(told, status=503 if is_stalled else 200)


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
    figures = generate_latest(registry) + generate_latest(ROOMS) + generate_latest(BACKLOGS)
    return HttpResponse(figures, content_type=CONTENT_TYPE_LATEST)


def _is_migrated() -> bool:
    """Whether nothing is left to migrate; asked until it is so, then known."""
    global _migrated  # noqa: PLW0603 - a fact that never turns false again
    if not _migrated:
        executor = MigrationExecutor(connection)
        _migrated = not executor.migration_plan(executor.loader.graph.leaf_nodes())
    return _migrated
