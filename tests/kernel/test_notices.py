"""What a notice says, within PostgreSQL's bound."""

from __future__ import annotations

from uuid import UUID

import pytest
from django.db import connection

from matricula.kernel import ids, notices

LARGEST = 7_999


def written(named: list[UUID]) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT notices_of(%s)", [named])
        return [row[0] for row in cursor.fetchall()]


@pytest.mark.parametrize("count", [0, 1, 363, 364, 1_000])
def test_what_is_written_is_read_again(db: None, count: int) -> None:
    named = [ids.new_id() for _ in range(count)]
    found = written([*named, *named])
    assert len(found) == -(-count // 363)
    assert all(0 < len(notice) <= LARGEST for notice in found)
    assert sorted(one for notice in found for one in notices.read(notice) or ()) == sorted(named)


@pytest.mark.parametrize("byte", [0x00, 0x3E, 0x3F, 0xFB, 0xFF])
def test_every_id_is_written_in_letters_of_an_address(db: None, byte: int) -> None:
    one = UUID(bytes=bytes([byte]) * 16)
    (found,) = written([one])
    assert notices.read(found) == [one]


@pytest.mark.parametrize("notice", ["", "x", "é" * 22, "A" * 21, "A" * 23])
def test_a_notice_of_another_version_may_be_about_anybody(notice: str) -> None:
    assert notices.read(notice) is None
