"""Columns for lines that people write, and the fields of forms for them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext_lazy as _

from matricula.kernel.text import clean_line, visible_line

if TYPE_CHECKING:  # Django's own fields take no parameters when they run
    _CharField = models.CharField[str, str]
else:
    _CharField = models.CharField


class LineFormField(forms.CharField):
    """One line, cleaned (`text.clean_line`). What shows nothing is refused, not taken as empty."""

    def to_python(self, value: Any) -> Any:
        text = super().to_python(value)
        if not isinstance(text, str):
            return text
        try:
            return visible_line(text)
        except ValueError as error:
            raise ValidationError(_("Use letters that can be seen.")) from error


class LineField(_CharField):
    """A CharField that only ever holds cleaned lines, however they are written. To migrations it is
    a CharField: the database knows no difference."""

    def deconstruct(self) -> Any:
        name, _path, args, kwargs = super().deconstruct()
        return name, "django.db.models.CharField", args, kwargs

    def pre_save(self, model_instance: models.Model, add: bool) -> Any:
        value = super().pre_save(model_instance, add)
        if isinstance(value, str):
            value = clean_line(value)
            setattr(model_instance, self.attname, value)
        return value

    def get_db_prep_save(self, value: Any, connection: Any) -> Any:
        value = super().get_db_prep_save(value, connection)
        return clean_line(value) if isinstance(value, str) else value

    def formfield(self, **kwargs: Any) -> Any:
        return super().formfield(**{"form_class": LineFormField, **kwargs})
