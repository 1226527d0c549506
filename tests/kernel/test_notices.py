"""What a notice says, within PostgreSQL's bound."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from matricula.kernel import ids, notices


@given(st.sets(st.uuids(), max_size=1_200))
def test_what_is_written_is_read_again(named: set[object]) -> None:
    written = notices.written(named)  # type: ignore[arg-type]
    assert all(0 < len(notice) <= notices.LARGEST for notice in written)
    assert {one for notice in written for one in notices.read(notice) or ()} == named


def test_a_batch_fits_into_few_notices() -> None:
    written = notices.written({ids.new_id() for _ in range(1_000)})
    assert len(written) == 3


@pytest.mark.parametrize("notice", ["", "x", "é" * 22, "A" * 21, "A" * 23])
def test_a_notice_of_another_version_may_be_about_anybody(notice: str) -> None:
    assert notices.read(notice) is None
