"""`{% load words %}`: values in the reader's language, and course cards, for templates."""

from __future__ import annotations

from functools import lru_cache

from django.template import Library
from django.template.loader import render_to_string
from django.utils.safestring import SafeString
from django.utils.translation import get_language

from matricula.edges.web.offers import Card
from matricula.kernel import words

# Rendered cards that are kept; the least used give way.
MOST_CARDS = 2_000

register = Library()
register.filter("day", words.day)
register.filter("moment", words.moment)
register.filter("stored", words.stored)


@register.simple_tag
def card(card: Card) -> SafeString:
    """A course in a list. What a card says, it says the same way again."""
    return _card(card, get_language())


@lru_cache(maxsize=MOST_CARDS)
def _card(card: Card, language: str | None) -> SafeString:  # noqa: ARG001 - part of the key
    return render_to_string("components/card.html", {"card": card})
