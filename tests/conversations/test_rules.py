"""What may be said."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from matricula.kernel.errors import DomainError, IllegalState, RateLimited, ValidationFailed
from matricula.support import rules


def test_lines_end_in_one_way_and_nothing_stands_around() -> None:
    assert rules.message_text("  one\r\ntwo\rthree \n") == "one\ntwo\nthree"


@pytest.mark.parametrize("text", ["", " \n\t ", "x" * 4001, "a\x00b", "a\ud800b"])
def test_an_unusable_text_is_refused_by_its_field(text: str) -> None:
    with pytest.raises(ValidationFailed) as refused:
        rules.message_text(text)
    assert [entry.field for entry in refused.value.guidance.errors] == ["content"]


@given(st.text(min_size=1, max_size=400), st.text(max_size=200))
def test_the_subject_is_one_line_that_fits(text: str, subject: str) -> None:
    try:
        kept = rules.message_text(text)
    except DomainError:
        return
    line = rules.subject_of(subject, kept)
    assert 0 < len(line) <= rules.LONGEST_SUBJECT
    assert "\n" not in line
    assert "\r" not in line


def test_a_long_first_line_is_cut_between_words() -> None:
    subject = rules.subject_of("", "word " * 60)
    assert subject.endswith("word…")


def test_limits_are_reached_and_not_before() -> None:
    rules.check_room(rules.MOST_MESSAGES - 1)
    rules.check_open(4, 5)
    rules.check_pace(rules.MOST_A_MINUTE - 1)
    with pytest.raises(IllegalState):
        rules.check_room(rules.MOST_MESSAGES)
    with pytest.raises(RateLimited):
        rules.check_open(5, 5)
    with pytest.raises(RateLimited):
        rules.check_pace(rules.MOST_A_MINUTE)
