"""`{% load words %}`: values in the reader's language, for templates."""

from __future__ import annotations

from django.template import Library

from matricula.kernel import words

register = Library()
register.filter("day", words.day)
register.filter("moment", words.moment)
register.filter("stored", words.stored)
