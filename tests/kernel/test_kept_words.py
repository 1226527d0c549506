"""What is kept of words says the same later, in whatever language it is read."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from django.utils.translation import gettext_lazy, override

from matricula.enrollments import admission
from matricula.enrollments.admission import Clash
from matricula.kernel import words
from matricula.kernel.errors import Words
from matricula.kernel.kept_words import kept, read_back

AT = datetime(2027, 3, 2, 18, 30, tzinfo=UTC)
CLASH = Clash("Algebra", "algebra", AT, AT.replace(hour=20))
SAID: dict[str, Words] = {
    "a name": "Algebra",
    "fixed": gettext_lazy("Both meet at the same time."),
    "with a value": words.said("Complete first: %(titles)s.", titles="Algebra, 100 %"),
    "counted": words.counted(
        "It can be taken once, and you have done so.",
        "It can be taken %(count)d times, and you have done so.",
        3,
    ),
    "a list": words.said(
        "First add to your profile: %(named)s.",
        named=words.listed(admission.PROFILE_WORDS[name] for name in ("phone", "birth_date")),
    ),
    "a moment": admission.when(CLASH, "Asia/Kolkata"),
}


@pytest.mark.parametrize("name", SAID)
@pytest.mark.parametrize("language", ["en", "hi", "es", "fr", "ar"])
def test_what_was_kept_reads_as_what_was_said(name: str, language: str) -> None:
    with override("fr"):  # of whoever wrote it down
        written = json.loads(json.dumps(kept(SAID[name])))
    again = read_back(written)
    with override(language):
        assert str(again) == str(SAID[name])


@pytest.mark.parametrize("name", [name for name in SAID if name != "a name"])
def test_what_was_kept_is_no_sentence_of_one_language(name: str) -> None:
    again = read_back(kept(SAID[name]))
    with override("en"):
        english = str(again)
    with override("hi"):
        assert str(again) != english


def test_what_a_later_release_says_differently_reads_as_it_was_said() -> None:
    again = read_back(["said", "Nobody says %(this)s any more", {"this": "thing"}])
    with override("fr"):
        assert str(again) == "Nobody says thing any more"
