"""Two members of staff at one form: nobody undoes unknowingly what the other saved.

Each form carries the version it was made from: a hash of every field's value. A form that is sent
back is compared, under the row's lock, with what is stored by then. Where a colleague changed a
field meanwhile, nothing is saved and the form is shown again with both values. What a form has no
field for, like a counter, has no part in this.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from hashlib import blake2b
from typing import Any, TypeAlias

from django.conf import settings
from django.db.models import Model
from django.forms import BaseForm, BaseFormSet

NAME = "_version"
# By field, or by the prefix of the lines below the form.
Version: TypeAlias = dict[str, str]


@dataclass(frozen=True)
class Difference:
    """A field that a colleague changed: its label, what is stored, and what was sent. `is_touched`:
    whoever sent the form had changed it too."""

    name: str
    label: str
    theirs: str
    yours: str
    is_touched: bool


@dataclass(frozen=True)
class Conflict:
    """What stands against saving. `kept` are the values that the form is shown again with."""

    differences: Sequence[Difference]
    kept: dict[str, Any] = field(default_factory=dict)

    @property
    def names(self) -> set[str]:
        return {difference.name for difference in self.differences}


def version_of(form: BaseForm, formsets: Sequence[BaseFormSet[Any]]) -> Version:
    """The version that an unsent form was made from."""
    fields = {name: _hash(_stored(form, name)) for name in form.fields}
    return fields | {str(lines.prefix): _hash(_lines(lines)) for lines in formsets}


def read(text: str) -> Version:
    """The version as it was sent; empty where there is none that can be read."""
    try:
        sent = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    if not isinstance(sent, dict):
        return {}
    return {name: value for name, value in sent.items() if isinstance(value, str)}


def compare(
    shown: Version,
    now: tuple[BaseForm, Sequence[BaseFormSet[Any]]],
    sent: tuple[BaseForm, Sequence[BaseFormSet[Any]]],
) -> Conflict | None:
    """What a colleague changed between `shown` and `now`, and differs from what was `sent`. The
    sent form is valid; `now` is the same form of what is stored."""
    form, lines_now = now
    given, lines_given = sent
    differences = []
    for name in form.fields:
        stored, wanted = _stored(form, name), plain(given.cleaned_data.get(name))
        if name in shown and shown[name] != _hash(stored) and wanted != stored:
            label = str(form[name].label)
            is_touched = _hash(wanted) != shown[name]
            differences.append(
                Difference(
                    name, label, _said(form, name, stored), _said(form, name, wanted), is_touched
                )
            )
    for before, after in zip(lines_now, lines_given, strict=True):
        stored = _lines(before)
        if before.prefix in shown and shown[before.prefix] != _hash(stored):
            label = _name_of(before)
            differences.append(
                Difference(
                    str(before.prefix), label, _listed(stored), _listed(_sent_lines(after)), True
                )
            )
    if not differences:
        return None
    theirs = {each.name for each in differences if not each.is_touched}
    kept = {name: given.cleaned_data[name] for name in given.changed_data if name not in theirs}
    return Conflict(differences, kept)


def plain(value: Any) -> Any:
    """A field's value in one form, whether it comes from the database or from a form."""
    if isinstance(value, Model):
        value = value.pk
    if isinstance(value, bool):
        return value
    if isinstance(value, datetime) and value.tzinfo is not None:
        value = value.astimezone(settings.ENVIRONMENT.time_zone).strftime("%Y-%m-%d %H:%M %Z")
    if isinstance(value, Decimal):
        value = f"{value.normalize():f}"
    if isinstance(value, Iterable) and not isinstance(value, str):
        return sorted(str(plain(part)) for part in value)
    return "" if value is None else str(value).replace("\r\n", "\n").strip()


def _stored(form: BaseForm, name: str) -> Any:
    return plain(form.get_initial_for_field(form.fields[name], name))


def _lines(formset: BaseFormSet[Any]) -> list[dict[str, Any]]:
    """The stored lines below a form."""
    return [
        {name: _stored(line, name) for name in line.fields if name != "DELETE"}
        for line in formset.initial_forms
    ]


def _sent_lines(formset: BaseFormSet[Any]) -> list[dict[str, Any]]:
    kept = [line for line in formset.forms if line not in formset.deleted_forms]
    return [
        {name: plain(value) for name, value in line.cleaned_data.items() if name != "DELETE"}
        for line in kept
        if line.cleaned_data
    ]


def _name_of(formset: Any) -> str:
    return str(formset.model._meta.verbose_name_plural)  # noqa: SLF001 - public in all but name


def _hash(value: Any) -> str:
    text = json.dumps(value, sort_keys=True, default=str)
    return blake2b(text.encode(), digest_size=8).hexdigest()


def _said(form: BaseForm, name: str, value: Any) -> str:
    """The value in the words of the form's choices."""
    choices = getattr(form.fields[name], "choices", ())
    names: dict[str, str] = {str(key): str(words) for key, words in choices} if choices else {}
    if isinstance(value, bool):
        return "Yes" if value else "No"
    if isinstance(value, list):
        return ", ".join(names.get(part, str(part)) for part in value) or "Nothing"
    return names.get(value, str(value)) or "Nothing"


def _listed(lines: list[dict[str, Any]]) -> str:
    hidden = {"id"}
    told = [
        ", ".join(
            ", ".join(value) if isinstance(value, list) else str(value)
            for name, value in line.items()
            if value != "" and name not in hidden and not name.endswith("_ptr")
        )
        for line in lines
    ]
    return "; ".join(told) or "None"
