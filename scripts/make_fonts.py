"""Makes the typefaces of the papers from the Noto fonts in Debian's `fonts-noto-core` and
`fonts-noto-cjk`, and from Noto Emoji (the npm package `@expo-google-fonts/noto-emoji`). All are
under the SIL Open Font License (`fonts/OFL.txt`).

Run by hand when a script is added, with `fonttools` installed:

    python scripts/make_fonts.py /usr/share/fonts NotoEmoji_400Regular.ttf

Hinting is dropped, which print does not use. The Chinese, Japanese and Korean font keeps every
ideograph it has (the whole of CJK Unified Ideographs and of Extension A, and what it has of the
later extensions), all kana, Bopomofo and Hangul, and the regional forms (`locl`).
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

FONTS = Path(__file__).parents[1] / "src/matricula/orders/printing/fonts"
SCRIPTS = {
    "arabic": "NotoSansArabic",
    "armenian": "NotoSansArmenian",
    "bengali": "NotoSansBengali",
    "ethiopic": "NotoSansEthiopic",
    "georgian": "NotoSansGeorgian",
    "gujarati": "NotoSansGujarati",
    "gurmukhi": "NotoSansGurmukhi",
    "hebrew": "NotoSansHebrew",
    "kannada": "NotoSansKannada",
    "khmer": "NotoSansKhmer",
    "lao": "NotoSansLao",
    "malayalam": "NotoSansMalayalam",
    "meetei": "NotoSansMeeteiMayek",
    "myanmar": "NotoSansMyanmar",
    "odia": "NotoSansOriya",
    "olchiki": "NotoSansOlChiki",
    "sinhala": "NotoSansSinhala",
    "tamil": "NotoSansTamil",
    "telugu": "NotoSansTelugu",
    "thaana": "NotoSansThaana",
    "thai": "NotoSansThai",
    "tibetan": "NotoSerifTibetan",
}
CJK = (
    "1100-11FF,3000-312F,3130-318F,31A0-31BF,31F0-4DBF,4E00-9FFF,A960-A97F,AC00-D7FF,"
    "F900-FAFF,FE30-FE4F,FF00-FFEF,20000-3FFFF"
)
KEPT = ["--no-hinting", "--name-IDs=0,1,2,3,4,5,6,13,14", "--notdef-outline"]


def main(system: Path, emoji: Path) -> None:
    for folder, name in SCRIPTS.items():
        source = system / f"truetype/noto/{name}-Regular.ttf"
        _subset(source, FONTS / folder / source.name, "--unicodes=*", "--layout-features=*")
    _subset(emoji, FONTS / "emoji" / "NotoEmoji-Regular.ttf", "--unicodes=*")
    _subset(
        system / "opentype/noto/NotoSansCJK-Regular.ttc",
        FONTS / "cjk" / "NotoSansCJKsc-Regular.otf",
        "--font-number=2",
        f"--unicodes={CJK}",
        "--layout-features=locl,ccmp,ljmo,vjmo,tjmo",
    )


def _subset(source: Path, target: Path, *options: str) -> None:
    target.parent.mkdir(exist_ok=True)
    command = [sys.executable, "-m", "fontTools.subset", str(source), f"--output-file={target}"]
    subprocess.run([*command, *KEPT, *options], check=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
