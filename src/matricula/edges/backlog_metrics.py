"""Backlogs of background work for Prometheus: of no process, so read as they are asked for."""

from __future__ import annotations

from collections.abc import Iterator

from django.db import DatabaseError, InterfaceError
from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from matricula.kernel.backlogs import Backlog, backlogs


class Backlogs(Collector):
    """Every queue; none without a database."""

    def collect(self) -> Iterator[Metric]:
        due = GaugeMetricFamily(
            "matricula_backlog_items", "Items that are due, up to 1,000.", labels=["queue"]
        )
        oldest = GaugeMetricFamily(
            "matricula_backlog_oldest_seconds",
            "How long the oldest item has been due.",
            labels=["queue"],
        )
        set_aside = GaugeMetricFamily(
            "matricula_set_aside_items",
            "Items that failed too often and wait for staff.",
            labels=["queue"],
        )
        for backlog in _read():
            name = [backlog.queue.name]
            if backlog.queue.backlog:
                due.add_metric(name, backlog.waiting)
                oldest.add_metric(name, backlog.oldest_seconds)
            set_aside.add_metric(name, backlog.set_aside)
        yield from (due, oldest, set_aside)


def _read() -> list[Backlog]:
    try:
        return backlogs()
    except (DatabaseError, InterfaceError):
        return []


# Describing itself as it is registered would ask the database.
BACKLOGS = CollectorRegistry(auto_describe=False)
BACKLOGS.register(Backlogs())
