"""One click ends mail of a category (RFC 8058), without signing in: the link is the proof."""

from __future__ import annotations

from uuid import UUID

from django.conf import settings
from django.core import signing
from django.utils.translation import gettext_lazy as _

from matricula.kernel.errors import NotFound
from matricula.notifications.kinds import Category

_SALT = "matricula.unsubscribe"


def link(person_id: UUID, category: Category) -> str:
    """The address that turns mail of the category off for the person. It never ages: mail is kept
    for years."""
    token = signing.dumps([str(person_id), category.value], salt=_SALT)
    return f"{settings.ENVIRONMENT.base_url}/unsubscribe/{token}/"


def read(token: str) -> tuple[UUID, Category]:
    """Whose mail, and of which category. Raises NotFound for a token that is not ours."""
    try:
        person_id, category = signing.loads(token, salt=_SALT)
    except signing.BadSignature as error:
        raise NotFound(_("This link is not valid.")) from error
    return UUID(person_id), Category(category)


def headers(url: str) -> dict[str, str]:
    """What mail programs need for a button of their own (RFC 2369, RFC 8058)."""
    return {"List-Unsubscribe": f"<{url}>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}
