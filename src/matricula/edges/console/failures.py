"""What goes wrong in the console, as a page of the console that says what to do."""

from __future__ import annotations

from django.core import exceptions as django_errors
from django.db import DatabaseError, DataError, InterfaceError
from django.db.utils import IntegrityError
from django.http import Http404

from matricula.edges.problems import as_domain_error
from matricula.kernel.errors import (
    DomainError,
    IllegalState,
    MalformedRequest,
    NotFound,
    PermissionDenied,
    ValidationFailed,
)

# Whatever else is raised is a mistake of ours: the site's own error page answers for it.
EXPECTED = (
    DomainError,
    DatabaseError,
    InterfaceError,
    Http404,
    django_errors.PermissionDenied,
    django_errors.SuspiciousOperation,
)

_WORDS: tuple[tuple[type[Exception], type[DomainError], str], ...] = (
    (Http404, NotFound, "There is no such page in the console."),
    (
        django_errors.PermissionDenied,
        PermissionDenied,
        "Your account has no permission for this.",
    ),
    (
        django_errors.SuspiciousOperation,
        MalformedRequest,
        "The address or the form holds something that does not belong there.",
    ),
    (
        IntegrityError,
        IllegalState,
        "It does not fit what is stored by now, or other records depend on it. Nothing was saved.",
    ),
    (DataError, ValidationFailed, "A value is too large or cannot be stored. Nothing was saved."),
)


def explain(exception: Exception) -> DomainError:
    """The expected failure that one of `EXPECTED` stands for."""
    for kind, error, words in _WORDS:
        if isinstance(exception, kind):
            return error(words)
    return as_domain_error(exception)
