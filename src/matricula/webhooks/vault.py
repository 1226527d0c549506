"""Secrets of endpoints: shown once, kept encrypted, and what is signed with them.

The key follows from MATRICULA_SECRET_KEY, so a dump of the database alone reveals none.
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Sequence
from datetime import datetime
from functools import cache

from cryptography.fernet import Fernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from standardwebhooks import Webhook

_LENGTH = 32
_PREFIX = "whsec_"


def new_secret() -> str:
    """A secret as the receiver enters it."""
    return _PREFIX + base64.b64encode(secrets.token_bytes(_LENGTH)).decode()


def lock_up(secret: str) -> bytes:
    """The secret as it is kept."""
    return _box(settings.SECRET_KEY).encrypt(secret.encode())


def take_out(kept: bytes) -> str:
    """The secret again. Raises cryptography's InvalidToken when MATRICULA_SECRET_KEY is another
    one than it was."""
    return _box(settings.SECRET_KEY).decrypt(bytes(kept)).decode()


def signatures(kept: Sequence[bytes], message_id: str, at: datetime, body: str) -> str:
    """The header `webhook-signature`: one signature for each valid secret."""
    return " ".join(Webhook(take_out(one)).sign(message_id, at, body) for one in kept)


@cache
def _box(key: str) -> Fernet:
    derived = HKDF(SHA256(), length=32, salt=None, info=b"matricula.webhooks").derive(key.encode())
    return Fernet(base64.urlsafe_b64encode(derived))
