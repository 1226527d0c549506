"""The doctor reads each table once, also where the planner believes that it is empty."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

from django.db import connection

from matricula.flows import doctor

_EMPTY = """
UPDATE pg_class SET reltuples = 0, relpages = 100000
 WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
"""


def test_no_check_loops_over_one_table_for_each_row_of_another(db: None) -> None:
    plans: list[dict[str, Any]] = []

    def explain(execute: Callable[..., Any], sql: str, *rest: Any) -> Any:
        if sql.startswith("SELECT detail"):
            execute(f"EXPLAIN (FORMAT JSON) {sql}", *rest)
            plans.append(_explained(rest[-1]["cursor"].fetchone()[0]))
        return execute(sql, *rest)

    with connection.cursor() as cursor:
        cursor.execute(_EMPTY)
    with connection.execute_wrapper(explain):
        doctor.examine()
    assert len(plans) == len(doctor.CHECKS)
    loops = [node for plan in plans for node in _nodes(plan) if node["Node Type"] == "Nested Loop"]
    assert [node for node in loops if "Join Filter" in node] == []


def _explained(plan: str | list[dict[str, Any]]) -> dict[str, Any]:
    read = json.loads(plan) if isinstance(plan, str) else plan
    found: dict[str, Any] = read[0]["Plan"]
    return found


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for part in plan.get("Plans", ()):
        yield from _nodes(part)
