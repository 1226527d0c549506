"""Gives letters their shape: text, and HTML with styles inlined, as mail programs want them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

import css_inline
from django.conf import settings
from django.template.loader import render_to_string
from django.utils.html import urlize
from django.utils.safestring import SafeString, mark_safe

from matricula.notifications.letters import Letter


@dataclass(frozen=True)
class Rendered:
    """Both parts of a letter."""

    text: str
    html: str


def render(letter: Letter, *, unsubscribe_url: str = "") -> Rendered:
    """The letter in the language that is active."""
    context = {
        "letter": letter,
        "site_name": settings.SITE_NAME,
        "base_url": settings.ENVIRONMENT.base_url,
        "unsubscribe_url": unsubscribe_url,
    }
    text = render_to_string("letters/letter.txt", context)
    return Rendered(
        _tidy(text), _inliner().inline(render_to_string("letters/letter.html", context))
    )


def html_of(subject: str, text: str) -> str:
    """A plain text in the same design, for mail that others write as text alone."""
    paragraphs = [_with_links(part) for part in re.split(r"\n\s*\n", text.strip()) if part.strip()]
    context = {
        "letter": Letter(subject=subject, heading=subject, summary=""),
        "plain": paragraphs,
        "site_name": settings.SITE_NAME,
        "base_url": settings.ENVIRONMENT.base_url,
    }
    return _inliner().inline(render_to_string("letters/letter.html", context))


def _with_links(text: str) -> SafeString:
    linked = urlize(text, autoescape=True)
    # An address runs from the left in any language.
    linked = linked.replace("<a href=", '<a dir="ltr" href=')
    return mark_safe(linked.replace("\n", "<br>"))  # noqa: S308 - urlize has escaped it


def _tidy(text: str) -> str:
    """Templates leave blank lines where nothing was said."""
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"


@cache
def _inliner() -> css_inline.CSSInliner:
    # What depends on the reader's screen (dark mode, width) cannot be inlined: it stays.
    return css_inline.CSSInliner(keep_at_rules=True, load_remote_stylesheets=False)
