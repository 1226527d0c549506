"""Figures of waiting rooms for Prometheus: of no process, so read as they are asked for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.db import DatabaseError
from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from matricula.kernel import clock, ids
from matricula.waitingroom.models import Room
from matricula.waitingroom.queries import with_crowds


class WaitingRooms(Collector):
    """The open rooms and their lines; none without a database."""

    def collect(self) -> Iterator[Metric]:
        waiting = GaugeMetricFamily(
            "matricula_waiting_room_waiting", "People in line.", labels=["cohort"]
        )
        oldest = GaugeMetricFamily(
            "matricula_waiting_room_oldest_seconds",
            "How long the first in line has waited.",
            labels=["cohort"],
        )
        served = CounterMetricFamily(
            "matricula_waiting_room_served",
            "Tickets served, by what became of them.",
            labels=["cohort", "outcome"],
        )
        now = clock.now()
        for room in _rooms():
            cohort = ids.to_text("coh", room.pk)
            since = room.oldest
            waiting.add_metric([cohort], room.waiting)
            oldest.add_metric([cohort], (now - since).total_seconds() if since else 0)
            served.add_metric([cohort, "admitted"], room.admitted)
            served.add_metric([cohort, "refused"], room.refused)
        yield from (waiting, oldest, served)


def _rooms() -> list[Any]:
    try:
        return list(with_crowds(Room.objects.filter(opened_at__isnull=False)))
    except DatabaseError:
        return []


# Describing itself as it is registered would ask the database.
ROOMS = CollectorRegistry(auto_describe=False)
ROOMS.register(WaitingRooms())
