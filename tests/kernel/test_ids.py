"""Ids: any text that is not exactly one of ours is simply not found."""

from __future__ import annotations

import string
from typing import get_args
from uuid import UUID

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from matricula.kernel import ids
from matricula.kernel.errors import NotFound
from matricula.kernel.ids import Prefix

prefixes = st.sampled_from(get_args(Prefix))
suffixes = st.text("0123456789abcdefghjkmnpqrstvwxyz", min_size=26, max_size=26)
near_misses = st.text(string.printable + "éßİ٣\x00\ud800", min_size=24, max_size=28)


@given(prefixes, st.uuids(allow_nil=True))
def test_text_leads_back_to_the_same_id(prefix: Prefix, value: UUID) -> None:
    assert ids.from_text(prefix, ids.to_text(prefix, value)) == value


@given(st.text())
@example("enr_" + "8" + "0" * 25)
@example("enr_" + "z" * 26)
@example("enr__" + "0" * 25)
@example("enr_" + "٣" * 26)
def test_any_text_is_an_id_or_not_found(text: str) -> None:
    _is_ours_or_not_found(text)


@given(st.one_of(suffixes, near_misses))
def test_any_suffix_is_an_id_or_not_found(suffix: str) -> None:
    _is_ours_or_not_found(f"enr_{suffix}")


def _is_ours_or_not_found(text: str) -> None:
    try:
        value = ids.from_text("enr", text)
    except NotFound:
        return
    assert ids.to_text("enr", value) == text


@given(st.uuids(), prefixes, prefixes)
def test_an_id_of_another_kind_is_not_found(value: UUID, one: Prefix, other: Prefix) -> None:
    if one != other:
        with pytest.raises(NotFound):
            ids.from_text(other, ids.to_text(one, value))


@given(st.uuids().map(lambda value: ids.to_text("enr", value)))
def test_an_id_in_capitals_or_with_anything_around_it_is_not_found(text: str) -> None:
    around = (f" {text}", f"{text}\n", f"_{text}", f"{text}0")
    for wrong in (text.upper(), text[:-1], text[4:], *around):
        with pytest.raises(NotFound):
            ids.from_text("enr", wrong)


def test_new_ids_are_of_version_7_and_in_order() -> None:
    made = [ids.new_id() for _ in range(1000)]
    assert {value.version for value in made} == {7}
    assert made == sorted(made)
    assert len(set(made)) == 1000
