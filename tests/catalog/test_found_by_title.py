"""Every title finds its course: as a whole, by each of its words, and without its accents."""

# ruff: noqa: RUF001, E501 - titles in every script

from __future__ import annotations

import hashlib
import unicodedata

import pytest
from django.db import connection
from hypothesis import given as for_any
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from matricula.catalog import queries, search, words
from matricula.catalog.models import Course
from matricula.catalog.queries import Filters
from tests.support.factories import make_course

TITLES = (
    "Node.js", "ASP.NET Core", "CI/CD", "TCP/IP Networking", "UX/UI Design", "Python 3.12",
    "B.Com. (Hons.)", "24/7 Operations", "Why We Don't Sleep", "Don’t Panic", "C++", "C# 12", ".NET",
    "R", "Go", "F#", "C/C++ for Beginners", "CompTIA A+", "A+B", "Q&A", "e-Commerce", "Wi‑Fi 6",
    "snake_case", "user@example", "AT&T", "L'école d'été", "½ Day: Excel™", "Ｆｕｌｌ Ｗｉｄｔｈ",
    "Türkçe", "Łódź", "Straße", "İstanbul", "Diyarbakır", "Ærø", "Œuvre", "Þórður", "Đại học",
    "Curaçao", "São Tomé", "Ελληνικά για όλους", "Ёлка и йога", "Київ: Україна", "עִבְרִית",
    "العَرَبِيَّة", "إدارة الأعمال", "مدرسة على", "فارسی کتاب", "اردو ہے", "हिन्दी साहित्य", "क़ानून",
    "தமிழ்", "বাংলা", "తెలుగు", "ಕನ್ನಡ", "മലയാളം", "ਪੰਜਾਬੀ", "ગુજરાતી", "සිංහල", "数据分析入门",
    "機械学習の基礎", "プログラミング", "ﾌﾟﾛｸﾞﾗﾐﾝｸﾞ", "ひらがなとカタカナ", "Python入門講座", "한국어 데이터분석",
    "การตลาดดิจิทัล", "ភាសាខ្មែរ", "ພາສາລາວ", "မြန်မာစာ", "ქართული", "Հայերեն", "አማርኛ", "٢٠٢٦ سنة",
    "🐍 Python", "🎨", "???", "x" * 150, "数" * 150, "đ" * 150,
)  # fmt: skip
# What people type, and a title it has to find.
TYPED = {
    "nodejs": "Node.js", "node": "Node.js", "asp.net": "ASP.NET Core", "aspnet": "ASP.NET Core",
    "cicd": "CI/CD", "tcp ip": "TCP/IP Networking", "ux ui": "UX/UI Design", "python 3.12": "Python 3.12",
    "bcom": "B.Com. (Hons.)", "247": "24/7 Operations", "dont": "Why We Don't Sleep",
    "don't panic": "Don’t Panic", "don´t": "Don’t Panic", "c": "C++", "net": ".NET",
    "ecommerce": "e-Commerce", "wifi": "Wi‑Fi 6", "wi-fi": "Wi‑Fi 6", "ecole": "L'école d'été",
    "full width": "Ｆｕｌｌ Ｗｉｄｔｈ", "turkce": "Türkçe", "TÜRKÇE": "Türkçe", "lodz": "Łódź",
    "strasse": "Straße", "STRASSE": "Straße", "istanbul": "İstanbul", "diyarbakir": "Diyarbakır",
    "aero": "Ærø", "oeuvre": "Œuvre", "dai hoc": "Đại học", "ελληνικα": "Ελληνικά για όλους",
    "ΌΛΟΥΣ": "Ελληνικά για όλους", "елка": "Ёлка и йога", "العربية": "العَرَبِيَّة",
    "اداره الاعمال": "إدارة الأعمال", "كتاب": "فارسی کتاب", "कानून": "क़ानून", "分析": "数据分析入门",
    "析": "数据分析入门", "据分析入": "数据分析入门", "入门": "数据分析入门", "門": "Python入門講座",
    "学習": "機械学習の基礎", "プログラミング": "ﾌﾟﾛｸﾞﾗﾐﾝｸﾞ", "ミング": "プログラミング",
    "かたかな": "ひらがなとカタカナ", "講座": "Python入門講座", "python入門": "Python入門講座",
    "분석": "한국어 데이터분석", "한구": "한국어 데이터분석", "ดิจิทัล": "การตลาดดิจิทัล",
    "2026": "٢٠٢٦ سنة",
}  # fmt: skip


def bare(title: str) -> str:
    """The title as somebody types it who has no accents on the keyboard."""
    decomposed = unicodedata.normalize("NFD", title)
    return "".join(letter for letter in decomposed if not "\u0300" <= letter <= "\u036f")


def found(typed: str) -> list[str]:
    return [course.title for course in queries.browse(Filters(search=typed), limit=100).courses]


@pytest.fixture
def shelf(db: None) -> None:
    for title in TITLES:
        make_course(title=title, with_cohort=False)


def test_every_title_finds_its_course(shelf: None) -> None:
    for title in TITLES:
        for typed in {title, title.lower(), title.upper(), bare(title)}:
            assert title in found(typed), typed
        assert words.whole(found(title)[0]) == words.whole(title)
        for word in title.split():
            if any(unicodedata.category(letter)[0] in "LN" for letter in word):
                assert title in found(word), (title, word)
                assert title in found(bare(word)), (title, word)


def test_what_people_type_finds_the_course(shelf: None) -> None:
    missing = {typed: title for typed, title in TYPED.items() if title not in found(typed)}
    assert missing == {}


def test_a_course_that_is_called_just_that_comes_first(db: None) -> None:
    for title in ("Rust in Rural Regions", "R for Researchers", "R", "Reading R"):
        make_course(title=title, with_cohort=False)
    assert found("r")[:3] == ["R", "R for Researchers", "Reading R"]


class AnyTitle(TestCase):
    """Titles nobody thought of."""

    @settings(max_examples=60, deadline=None)
    @for_any(st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=40))
    def test_a_title_finds_its_course(self, title: str) -> None:
        course = make_course(title=title, with_cohort=False)
        page = queries.browse(Filters(search=title), limit=100)
        # A title of accents alone is as good as empty.
        assert (course.pk in {one.id for one in page.courses}) == bool(words.whole(title))


@pytest.mark.parametrize("way", ["save", "save_title", "update", "bulk_create", "sql"])
def test_a_course_is_found_by_what_it_says_now(db: None, way: str) -> None:
    course = make_course(title="Pottery", with_cohort=False)
    if way == "save":
        course.title = "Glazing"
        course.save()
    elif way == "save_title":
        course.title = "Glazing"
        course.save(update_fields=["title"])
    elif way == "update":
        Course.objects.filter(pk=course.pk).update(title="Glazing")
    elif way == "bulk_create":
        course.delete()
        Course.objects.bulk_create([Course(slug="glazing", title="Glazing", status="published")])
    else:  # past the application
        with connection.cursor() as cursor:
            cursor.execute("UPDATE catalog_course SET title = 'Glazing' WHERE id = %s", [course.pk])
        assert found("pottery") == []
        Course.objects.index_anew()
    assert (found("glazing"), found("pottery")) == (["Glazing"], [])


def test_another_folding_makes_every_index_anew(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    make_course(title="Pottery")
    Course.objects.index_anew()
    assert Course.objects.index_anew() == 0
    monkeypatch.setattr(words, "VERSION", words.VERSION + 1)
    assert Course.objects.index_anew() == Course.objects.count()
    assert found("pottery") == ["Pottery"]


def test_a_text_from_before_texts_were_cleaned_is_cleaned_when_it_is_indexed(db: None) -> None:
    course = make_course(title="Pottery")
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE catalog_course SET title = %s WHERE id = %s", ["Gla\u200bzing ", course.pk]
        )
    assert Course.objects.index_anew() == 1
    assert (found("glazing"), Course.objects.index_anew()) == (["Glazing"], 0)


def test_the_longest_texts_fit_into_an_index(db: None) -> None:
    letters = "".join(chr(0x4E00 + n) for n in range(20_000))
    course = make_course(title="Long", description=letters, with_cohort=False)
    Course.objects.filter(pk=course.pk).update(description="ﷺ" * 20_000)
    assert found("long") == ["Long"]


def test_the_version_of_the_folding_is_raised_when_its_results_change() -> None:
    """Otherwise an upgraded site would look for words that its index does not have."""
    results = "\n".join(search.to_index(title, "", "") for title in TITLES)
    digest = hashlib.sha256(results.encode()).hexdigest()[:16]
    assert (words.VERSION, digest) == (1, "f61d9f7366d983c9")
