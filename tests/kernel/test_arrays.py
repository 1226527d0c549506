"""Lists on their way to PostgreSQL and back."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from django.db import DataError, connection
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from psycopg.adapt import PyFormat

from matricula.kernel.arrays import PlainListDumper

# One database does for all examples: they leave nothing in it.
many = settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
# PostgreSQL keeps no NUL, and a lone surrogate is no character.
TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))


def returned(values: list[Any], kind: str) -> list[Any]:
    """What the database makes of the list."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT %s::{kind}[]", [values])
        return list(cursor.fetchone()[0])


@many
@given(st.lists(st.none() | TEXTS))
@example(
    ["NULL", "null", None, "", " ", "{}", ",", '"', "\\", "a\\", '\\"', "'", "\n\t", "🎓", "%s"]
)
def test_texts_come_back_as_they_were(db: None, values: list[str | None]) -> None:
    assert returned(values, "text") == values


@many
@given(st.lists(st.none() | st.uuids()))
@example([UUID(int=0), None, UUID(int=2**128 - 1)])
def test_ids_come_back_as_they_were(db: None, values: list[UUID | None]) -> None:
    assert returned(values, "uuid") == values


@pytest.mark.parametrize(
    ("values", "kind"),
    [([1, None, -3], "int"), ([["a", "b"], ["c", "d"]], "text"), ([None, None], "text")],
)
def test_other_lists_are_psycopgs(db: None, values: list[Any], kind: str) -> None:
    assert returned(values, kind) == values


@pytest.mark.parametrize("values", [["a", "b\0c"], ["\0"]])
def test_a_nul_is_refused_before_it_is_sent(db: None, values: list[str]) -> None:
    with pytest.raises(DataError, match="NUL"):
        returned(values, "text")


def test_connections_write_lists_this_way(db: None) -> None:
    with connection.cursor() as cursor:
        adapters = cursor.cursor.connection.adapters
        assert adapters.get_dumper(list, PyFormat.TEXT) is PlainListDumper
