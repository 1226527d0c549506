"""Keeps the translations in step with the texts: `make words`; and `words.py check`.

`update` reads every text marked for translation out of the sources, brings `locale/*/LC_MESSAGES/
django.po` up to date (new texts empty, those that are gone taken out) and compiles them. The
pseudo-language is made from the texts themselves. `check` changes nothing and fails when `update`
would, or when a translation is missing, fuzzy, lacks a plural form or has other placeholders.

Nothing but Babel is needed; Django's own extraction wants GNU gettext installed.
"""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import allauth
import django
from babel import Locale
from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_python
from babel.messages.mofile import read_mo, write_mo
from babel.messages.pofile import read_po, write_po
from django.conf import settings
from django.utils.translation.template import templatize

SOURCES = Path(__file__).resolve().parent.parent / "src" / "matricula"
LOCALES = SOURCES / "locale"
LANGUAGES = ("ar", "es", "fr", "hi")
PSEUDO = "en_XA"
# The console speaks English; tests and migrations speak to nobody.
MOST_SAID = 40
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)  # a file says nothing of when it was made
LEFT_OUT = re.compile(r"/(console|migrations|locale)/")
KEYWORDS: dict[str, tuple[int | tuple[int, str], ...] | None] = {
    "_": None,
    "gettext": None,
    "gettext_lazy": None,
    "gettext_noop": None,
    "said": None,
    "marked": None,
    "ngettext": (1, 2),
    "ngettext_lazy": (1, 2),
    "counted": (1, 2),
    "pgettext": ((1, "c"), 2),
    "pgettext_lazy": ((1, "c"), 2),
    "npgettext": ((1, "c"), 2, 3),
}
NUMBERS = {"%(count)d", "%(count)s"}
PLURAL = {name for name in KEYWORDS if name.startswith(("ngettext", "npgettext", "counted"))}
PLACEHOLDER = re.compile(r"%?%\(\w+\)[sd]|%%|\{\w+\}")
MARKUP = re.compile(r"<[^>]+>")
ACCENTS = str.maketrans(
    "aceginosuyzACEGINOSUYZ",
    "\u00e1\u00e7\u00e9\u011f\u00ed\u00f1\u00f6\u0161\u00fb\u00fd\u017e\u00c1\u00c7\u00c9\u011e\u00cd\u00d1\u00d6\u0160\u00db\u00dd\u017d",
)


def texts() -> Catalog:
    """Everything marked for translation, in order of the files."""
    found = Catalog(charset="utf-8")
    for file in sorted(SOURCES.rglob("*")):
        name = file.relative_to(SOURCES.parent).as_posix()
        if file.suffix not in {".py", ".html", ".txt", ".svg"} or LEFT_OUT.search(name):
            continue
        source = file.read_text()
        if file.suffix != ".py":
            source = templatize(source)
        marked = extract_python(io.BytesIO(source.encode()), KEYWORDS, ["Translators:"], {})
        for _line, keyword, said, comments in marked:
            _add(found, keyword, said, comments, name)
    return found


def _add(found: Catalog, keyword: str, said: object, comments: list[str], name: str) -> None:
    parts = [said] if isinstance(said, str) else [part for part in said or () if part]
    context = parts.pop(0) if keyword.endswith("pgettext") or "pgettext_" in keyword else None
    if not parts or not parts[0]:
        return
    is_plural = len(parts) > 1 and keyword in PLURAL
    identity = (parts[0], parts[1]) if is_plural else parts[0]
    known = found.get(parts[0], context)
    places = [*(known.locations if known else []), (name, None)]
    entry = found.add(identity, locations=[], auto_comments=comments, context=context)
    entry.locations = list(dict.fromkeys(places))


def catalog_of(language: str) -> Catalog:
    """The language's translations as they are kept; none when there are none yet."""
    path = _po(language)
    if not path.exists():
        return Catalog(locale=Locale.parse(language), charset="utf-8")
    with path.open("rb") as file:
        return read_po(file, locale=language)


def updated(language: str, found: Catalog) -> Catalog:
    """The translations of the texts that there are now."""
    old = catalog_of(language)
    new = Catalog(locale=Locale.parse(language), charset="utf-8", fuzzy=False)
    new.mime_headers  # noqa: B018 - reading sets the plural forms of the locale
    for text in found:
        if text.id:
            known = old.get(text.id[0] if isinstance(text.id, tuple) else text.id, text.context)
            entry = new.add(
                text.id,
                _kept(known, text, new),
                auto_comments=text.auto_comments,
                context=text.context,
            )
            entry.locations = text.locations
            if known is not None and known.fuzzy:
                entry.flags.add("fuzzy")
    return new


def _kept(known: Message | None, text: Message, new: Catalog) -> str | tuple[str, ...]:
    empty: str | tuple[str, ...] = ("",) * new.num_plurals if text.pluralizable else ""
    if known is None or bool(known.pluralizable) != bool(text.pluralizable):
        return empty
    return known.string or empty


def faults_of(language: str, catalog: Catalog) -> Iterator[str]:
    """What is wrong with the translations."""
    for entry in catalog:
        if not entry.id:
            continue
        forms = entry.string if isinstance(entry.string, tuple | list) else (entry.string,)
        sources = entry.id if isinstance(entry.id, tuple) else (entry.id,)
        where = f"{language}: {sources[0]!r}"
        if entry.fuzzy:
            yield f"{where} is fuzzy"
        if entry.pluralizable and len(forms) != catalog.num_plurals:
            yield f"{where} has {len(forms)} of {catalog.num_plurals} plural forms"
        wanted = set(PLACEHOLDER.findall(sources[-1]))
        for form in forms:
            if not form:
                yield f"{where} is not translated"
                continue
            given = set(PLACEHOLDER.findall(form))
            # A form for exactly one or two may say the number in words.
            if given != wanted and not (
                entry.pluralizable and given == wanted - {"%(count)d", "%(count)s"}
            ):
                yield f"{where} has the placeholders {sorted(given)}, not {sorted(wanted)}"
            if sorted(MARKUP.findall(form)) != sorted(MARKUP.findall(sources[-1])):
                yield f"{where} has other markup"
            if "%" in PLACEHOLDER.sub("", form) and "%" not in PLACEHOLDER.sub("", sources[-1]):
                yield f"{where} has a broken placeholder"


def pseudo(found: Catalog) -> Catalog:
    """Every text of ours, and of the libraries whose words people see, with accents and longer."""
    made = Catalog(locale="en", charset="utf-8", fuzzy=False)
    for source in (found, *_libraries()):
        for text in source:
            forms = tuple(text.id) if isinstance(text.id, tuple | list) else (text.id,)
            # A compiled catalog has its contexts as bytes.
            context = text.context.decode() if isinstance(text.context, bytes) else text.context
            if not forms[0] or made.get(forms[0], context) is not None:
                continue
            said = tuple(_accented(form) for form in forms)
            if len(forms) > 1:
                made.add(forms, said, context=context)
            else:
                made.add(forms[0], said[0], context=context)
    return made


def _libraries() -> Iterator[Catalog]:
    homes = (Path(django.__file__).parent, Path(allauth.__file__).parent)
    for path in ("conf/locale/es", "contrib/auth/locale/es", "locale/es"):
        for home in homes:
            file = home / path / "LC_MESSAGES" / "django.mo"
            if file.exists():
                with file.open("rb") as stream:
                    yield read_mo(stream)


def _accented(text: str) -> str:
    """[Þšéûðö one two]: placeholders, markup and the space around stay as they are."""
    kept = re.compile(f"({PLACEHOLDER.pattern}|{MARKUP.pattern}|&\\w+;)")
    inner = text.strip()
    if not inner or not re.search(r"[A-Za-z]", kept.sub("", inner)):
        return text
    said = "".join(
        part if number % 2 else part.translate(ACCENTS)
        for number, part in enumerate(kept.split(inner))
    )
    longer = " " + "one two three four five six seven eight"[: max(3, len(inner) * 3 // 10)].strip()
    return text.replace(
        inner,
        f"\u27e6{said}{longer}\u27e7",
    )


def _po(language: str) -> Path:
    return LOCALES / language / "LC_MESSAGES" / "django.po"


def _written(catalog: Catalog) -> bytes:
    """The catalog as text. Without line numbers and dates, which change with every commit."""
    stream = io.BytesIO()
    write_po(stream, catalog, width=100, omit_header=True, include_lineno=False)
    head = (
        'msgid ""\nmsgstr ""\n"Content-Type: text/plain; charset=utf-8\\n"\n'
        f'"Language: {catalog.locale}\\n"\n"Plural-Forms: {catalog.plural_forms}\\n"\n\n'
    )
    return (head + stream.getvalue().decode().strip("\n") + "\n").encode()


def _compiled(catalog: Catalog) -> bytes:
    stream = io.BytesIO()
    whole = Catalog(locale=catalog.locale, charset="utf-8", fuzzy=False)
    whole.revision_date = whole.creation_date = EPOCH
    for entry in catalog:
        forms = entry.string if isinstance(entry.string, tuple | list) else (entry.string,)
        if entry.id and all(forms) and not entry.fuzzy:
            whole.add(entry.id, entry.string, context=entry.context)
    write_mo(stream, whole)
    return stream.getvalue()


def files() -> Iterator[tuple[Path, bytes]]:
    """Every file that belongs to the translations, as it should be."""
    found = texts()
    for language in LANGUAGES:
        catalog = updated(language, found)
        yield _po(language), _written(catalog)
        yield _po(language).with_suffix(".mo"), _compiled(catalog)
    yield _po(PSEUDO).with_suffix(".mo"), _compiled(pseudo(found))


def main() -> int:
    """Returns the number of faults, at most 1."""
    settings.configure(USE_I18N=True)
    faults: list[str] = []
    checking = sys.argv[1:] == ["check"]
    for path, content in files():
        stale = not path.exists() or path.read_bytes() != content
        if stale and checking:
            faults.append(f"{path.relative_to(SOURCES)} is out of date: run make words")
        elif stale:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
    for language in LANGUAGES:
        faults += faults_of(language, catalog_of(language))
    for fault in faults[:MOST_SAID]:
        print(fault, file=sys.stderr)
    if len(faults) > MOST_SAID:
        print(f"and {len(faults) - MOST_SAID} more", file=sys.stderr)
    return min(1, len(faults))


if __name__ == "__main__":
    sys.exit(main())
