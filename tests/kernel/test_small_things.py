"""Transitions, clock, errors and correlation."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from http import HTTPStatus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from matricula.accounts import errors as of_accounts
from matricula.enrollments import errors as of_enrollments
from matricula.kernel import clock, correlation, errors
from matricula.kernel.errors import DomainError, Guidance, IllegalState
from matricula.kernel.states import Transitions
from matricula.seats import errors as of_seats

DOOR = Transitions[str](
    "the door",
    {("open", "shut"): "closed", ("closed", "pull"): "open", ("closed", "turn"): "locked"},
)
ALL_ERRORS = [
    error
    for module in (errors, of_accounts, of_enrollments, of_seats)
    for error in vars(module).values()
    if isinstance(error, type) and issubclass(error, DomainError) and error is not DomainError
]


@pytest.mark.parametrize(("move", "end"), DOOR.table.items())
def test_each_move_of_the_table_leads_where_it_says(move: tuple[str, str], end: str) -> None:
    assert DOOR.allows(*move)
    assert DOOR.transition(*move) == end


@pytest.mark.parametrize("move", [("open", "turn"), ("locked", "pull"), ("", ""), ("ajar", "shut")])
def test_a_move_that_is_not_in_the_table_raises(move: tuple[str, str]) -> None:
    assert not DOOR.allows(*move)
    with pytest.raises(IllegalState, match="not possible now"):
        DOOR.transition(*move)


def test_the_states_are_those_of_the_table_in_its_order() -> None:
    assert DOOR.states == ("open", "closed", "locked")


def test_the_clock_tells_the_time_in_utc() -> None:
    before = datetime.now(UTC)
    assert before <= clock.now() <= datetime.now(UTC)
    assert clock.now().utcoffset() == timedelta(0)


def test_another_clock_counts_inside_its_block_only() -> None:
    moment = datetime(2030, 1, 1, tzinfo=UTC)
    with clock.using(lambda: moment):
        with clock.using(lambda: moment + timedelta(days=1)):
            assert clock.now() == moment + timedelta(days=1)
        assert clock.now() == moment
    assert clock.now() != moment


@pytest.mark.parametrize("error", ALL_ERRORS, ids=lambda error: error.__name__)
def test_every_expected_failure_has_a_code_a_status_and_words(error: type[DomainError]) -> None:
    assert error.code
    assert HTTPStatus(error.status) >= HTTPStatus.BAD_REQUEST
    assert error().detail == (error.usual_detail or error.title)
    assert str(error("in other words")) == "in other words"


def test_an_error_without_guidance_has_an_empty_one() -> None:
    assert IllegalState().guidance == Guidance()


@pytest.mark.parametrize("offered", ["a", "req-1:2.3_4", "A" * 64])
def test_a_harmless_correlation_id_is_kept(offered: str) -> None:
    assert correlation.accept_or_make(offered) == offered


@pytest.mark.parametrize("offered", [None, "", "a b", "a\r\nX: y", "A" * 65, "é", "a\n", "<b>"])
def test_any_other_correlation_id_is_replaced(offered: str | None) -> None:
    made = correlation.accept_or_make(offered)
    assert made != offered
    assert correlation.accept_or_make(made) == made


@given(st.text())
def test_a_correlation_id_is_always_safe_in_a_header(offered: str) -> None:
    assert correlation.accept_or_make(offered).isascii()
    assert correlation.accept_or_make(offered).isprintable()


def test_a_correlation_id_is_followed_inside_its_block_only() -> None:
    with correlation.following("outer"):
        with correlation.following("inner"):
            assert correlation.current() == "inner"
        assert correlation.current() == "outer"
    assert correlation.current() == ""
