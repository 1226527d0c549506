"""`{% load i18n %}` of our templates: Django's, with fixed texts looked up once a language.

A page has about sixty fixed texts, and Django resolves, translates and escapes each of them for
every page: a fifth of the time a page takes. What a process has said in a language it says the same
way again, since translations don't change while it runs.
"""

from __future__ import annotations

from django.template import Context, Library
from django.template.base import Parser, Token
from django.templatetags import i18n
from django.utils.translation import get_language

register = Library()
register.tags.update(i18n.register.tags)
register.filters.update(i18n.register.filters)


class FixedText(i18n.TranslateNode):
    """`{% translate "A text" %}`, with nothing variable in it."""

    def __init__(self, node: i18n.TranslateNode) -> None:
        super().__init__(node.filter_expression, node.noop)
        self._said: dict[tuple[str | None, bool], str] = {}

    def render(self, context: Context) -> str:
        """The text in the reader's language."""
        key = (get_language(), context.autoescape)
        said = self._said.get(key)
        if said is None:
            said = self._said[key] = super().render(context)
        return said


@register.tag("translate")
@register.tag("trans")
def translate(parser: Parser, token: Token) -> i18n.TranslateNode:
    """Django's tag."""
    node = i18n.do_translate(parser, token)
    given = node.filter_expression
    is_literal = given.var.lookups is None and not given.filters
    is_fixed = is_literal and node.asvar is None and node.message_context is None
    return FixedText(node) if is_fixed else node
