"""Papers print every name that people have, and nothing runs over its neighbour."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import typst

from matricula.orders import papers, typefaces
from matricula.orders.documents import typeset

NAMES = {
    "Amharic": "አበበ ቢቂላ",
    "Arabic": "محمد عبد الله",
    "Armenian": "Արամ Խաչատրյան",
    "Bengali": "প্রিয়াঙ্কা চট্টোপাধ্যায়",
    "Burmese": "အောင်ဆန်းကျော်",
    "Chinese, simplified": "张伟𠮷",
    "Chinese, traditional": "張偉 龍龜",
    "Cyrillic": "Наталья Щербакова",
    "Devanagari": "श्रीमती क्षत्रिय",
    "Dhivehi": "ދިވެހި",
    "Emoji": "🚀 ★ ✓ → ♥",
    "Georgian": "ნინო",
    "Greek": "Γιώργος Σταύρος",
    "Gujarati": "હર્ષ પટેલ શ્રી",
    "Gurmukhi": "ਗੁਰਪ੍ਰੀਤ ਸਿੰਘ",
    "Hebrew": "דוד בן־גוריון",
    "Japanese": "髙橋 﨑 さくら",
    "Kannada": "ಕೃಷ್ಣಮೂರ್ತಿ ಶ್ರೀಧರ್",
    "Khmer": "សុខ ស្រីពៅ",
    "Korean": "김민준",
    "Lao": "ສົມພອນ",
    "Malayalam": "ശ്രീലക്ഷ്മി കൃഷ്ണൻ",
    "Manipuri": "ꯃꯩꯇꯩ",
    "Odia": "ପ୍ରଶାନ୍ତ ମହାପାତ୍ର",
    "Santali": "ᱥᱟᱱᱛᱟᱲᱤ",
    "Sinhala": "ශ්‍රීමතී විජේසිංහ",
    "Tamil": "முத்துலட்சுமி கிருஷ்ணன்",
    "Telugu": "శ్రీనివాస్ రెడ్డి",
    "Thai": "สมชาย ใจดีที่สุด",
    "Tibetan": "བསྟན་འཛིན་རྒྱ་མཚོ",
    "Urdu": "محمد علی ٹھٹہ گل",
    "Vietnamese": "Nguyễn Thị Ngọc Ánh",
}
# Where the column of the buyer ends, in points from the left.
BUYER_ENDS = 222.0
EDGE = 539.0


def paper(buyer: Sequence[str], *, title: str = "Databases", rows: int = 1) -> dict[str, Any]:
    line = {
        "title": title,
        "detail": "Morning intake",
        "tax_code": "999293",
        "net_minor": 299900,
        "tax_lines": [{"head": "IGST", "percent": "18", "amount_minor": 53982}],
        "total_minor": 353882,
    }
    content = papers.compose(
        title="Tax invoice",
        seller={"name": "M" * 150, "lines": ["S" * 200]},
        buyer=buyer,
        supply=["Karnataka (29)", "India"],
        about=["Date: 30 November 2026"],
        lines=[line] * rows,
        currency="INR",
        notes=["A note."],
        total_label="Total",
    )
    return {"serial": "MAT/26-27/00001", **content}


def missing_glyphs(content: dict[str, Any]) -> str:
    """What Typst says of text that no font has: PDF/A forbids it, so that it is an error there."""
    try:
        typeset(content, pdf_standards=["a-2b"])
    except typst.TypstError as error:
        return str(error) if "could not be displayed" in str(error) else ""
    return ""


@pytest.mark.parametrize("script", NAMES)
def test_a_name_in_any_script_has_all_its_letters(script: str) -> None:
    assert missing_glyphs(paper([NAMES[script]])) == ""


def test_a_letter_that_no_font_has_is_noticed() -> None:
    assert "could not be displayed" in missing_glyphs(paper(["\U00013000"]))


def test_a_script_that_is_not_loaded_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(typefaces, "TYPEFACES", ())
    assert "could not be displayed" in missing_glyphs(paper([NAMES["Kannada"]]))


def test_a_paper_in_latin_loads_no_other_typeface() -> None:
    assert typefaces.needed(paper(["Asha Rao", "₹ Straße Nguyễn"])) == ()


def test_ideographs_have_the_forms_of_the_language_beside_them() -> None:
    languages = [typefaces.language({"a": [text]}) for text in ("直骨さくら", "直骨 김", "直骨")]
    assert languages == ["ja", "ko", "zh"]


def test_every_folder_of_fonts_is_used() -> None:
    fonts = Path(typefaces.__file__).parent / "printing" / "fonts"
    folders = {folder.name for folder in fonts.iterdir() if folder.is_dir()}
    assert folders == {typefaces.BASE, *(face.folder for face in typefaces.TYPEFACES)}


@pytest.mark.skipif(shutil.which("pdftotext") is None, reason="poppler-utils is not installed")
def test_long_names_and_addresses_stay_in_their_cells(tmp_path: Path) -> None:
    buyer = ["W" * 150, "अ" * 100, "山" * 100, "a" * 240 + "@example.org"]
    file = tmp_path / "paper.pdf"
    file.write_bytes(typeset(paper(buyer, title="Z" * 150, rows=12)))
    found = subprocess.run(
        ["pdftotext", "-bbox", str(file), "-"], capture_output=True, text=True, check=True
    )
    words = re.findall(r'xMin="([\d.]+)" yMin="[\d.]+" xMax="([\d.]+)"[^>]*>(.*?)<', found.stdout)
    assert len(words) > len(buyer)
    for first, last, word in words:
        assert float(last) <= EDGE, word
        if set(word) <= set("Wअ山a"):
            assert float(first) < float(last) <= BUYER_ENDS, word
