"""The address that replies to a conversation go to: the site's own, with the conversation and a
signature behind a "+"."""

from __future__ import annotations

import base64
from uuid import UUID

from django.conf import settings
from django.utils.crypto import constant_time_compare, salted_hmac

from matricula.kernel import ids
from matricula.kernel.errors import NotFound

_SALT = "matricula.reply"
_ID_LETTERS = 26  # of a TypeID without its prefix
_SIGNED_BYTES = 10


def address_of(conversation_id: UUID) -> str:
    """Where replies into this conversation go; "" when the site takes none."""
    name, _, domain = settings.ENVIRONMENT.mail.reply_address.partition("@")
    return f"{name}+{_token(conversation_id)}@{domain}" if domain else ""


def conversation_at(address: str) -> UUID | None:
    """The conversation that an address of ours stands for; None for any other address."""
    name, _, domain = settings.ENVIRONMENT.mail.reply_address.partition("@")
    local, _, host = address.lower().rpartition("@")
    base, _, token = local.partition("+")
    if not domain or host != domain or base != name or not token.isascii():
        return None
    try:
        conversation_id = ids.from_text("sup", f"sup_{token[:_ID_LETTERS]}")
    except NotFound:
        return None
    return conversation_id if constant_time_compare(token, _token(conversation_id)) else None


def _token(conversation_id: UUID) -> str:
    """Lower-case letters and digits, since a local part may lose its case on the way."""
    name = ids.to_text("sup", conversation_id).removeprefix("sup_")
    signed = salted_hmac(_SALT, name, algorithm="sha256").digest()[:_SIGNED_BYTES]
    return name + base64.b32encode(signed).decode().lower()
