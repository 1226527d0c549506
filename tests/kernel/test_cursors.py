"""Places in lists."""

from __future__ import annotations

import pytest

from matricula.kernel import cursors, ids
from matricula.kernel.errors import NotFound

AN_ID = ids.to_text("crs", ids.new_id())


@pytest.mark.parametrize("letter", ["a", "ü", "数", "🐍", '"', "\\", "\x01"])
def test_the_longest_title_in_any_letters_is_short_enough_for_the_api(letter: str) -> None:
    cursor = cursors.make(letter * 150, AN_ID)
    assert len(cursor) <= cursors.LONGEST
    assert cursors.read(cursor, str, str) == [letter * 150, AN_ID]


def test_a_cursor_that_would_be_refused_is_never_given_out() -> None:
    with pytest.raises(ValueError, match="cursor"):
        cursors.make("x" * cursors.LONGEST)


def test_a_cursor_of_the_release_before_is_still_read() -> None:
    assert cursors.read("WyJcdTAwZmMiLCAiY3JzXzEiXQ", str, str) == ["ü", "crs_1"]


@pytest.mark.parametrize("cursor", ["", "x", "ü", "W10", "WzFd", "bnVsbA", "\x00"])
def test_what_we_never_made_is_not_found(cursor: str) -> None:
    with pytest.raises(NotFound):
        cursors.read(cursor, str, str)
