"""How mail leaves and comes in: a relay, or one of the mail services that django-anymail speaks to.

`EMAIL_URL` chooses by its scheme. What the services want is documented at
https://anymail.dev/en/stable/esps/.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parseaddr
from typing import Any
from urllib.parse import SplitResult, parse_qs, unquote

from matricula.config.reading import SettingError, choice, integer, split

_REMEDY = (
    "set it to smtp+tls://user:password@host:587 (STARTTLS), smtp+ssl://…:465, or a mail service's "
    "address as docs/operating.md has it"
)
_SMTP = frozenset({"smtp", "smtp+tls", "smtp+ssl"})
# Scheme, and the module of django-anymail's backend.
SERVICES = {
    "ses": "amazon_ses",
    "mailgun": "mailgun",
    "postmark": "postmark",
    "sendgrid": "sendgrid",
    "brevo": "brevo",
}
# A local part has 64 characters at most (RFC 5321); a reply's token and its "+" take 43.
_LONGEST_REPLY_NAME = 21
_LEAST_SECRET = 16
TIMEOUT_SECONDS = 20


@dataclass(frozen=True)
class MailSettings:
    """How mail leaves: through this address (None: into files), so many a second. `reminders` of
    unfinished checkouts go to nobody, to all, or to those who asked for them, so many hours after.

    `service` is the scheme of a mail service, "" for a relay; `webhook_secret` is what it has to
    know to tell us about mail. `reply_address` takes replies, "" when nothing does.
    """

    url: str | None
    per_second: int
    reminders: str
    reminder_hours: tuple[int, ...] = (1, 24)
    service: str = ""
    sender: str = ""
    reply_address: str = ""
    webhook_secret: str = ""


def read(environ: Mapping[str, str], *, demo: bool) -> MailSettings:
    """The settings of mail. Raises SettingError for the first that is wrong."""
    url = _url(environ, demo=demo)
    scheme = split("EMAIL_URL", url, _REMEDY).scheme if url else ""
    return MailSettings(
        url=url,
        per_second=integer(environ, "MATRICULA_MAIL_RATE", default=20, low=1, high=1000),
        reminders=choice(environ, "MATRICULA_REMINDERS", ("consent", "on", "off")),
        reminder_hours=_hours(environ),
        service=scheme if scheme in SERVICES else "",
        sender=_address(environ, "MATRICULA_MAIL_FROM"),
        reply_address=_reply_address(environ),
        webhook_secret=_webhook_secret(environ),
    )


def service_settings(mail: MailSettings) -> dict[str, Any]:
    """What django-anymail is told (its setting ANYMAIL)."""
    found: dict[str, Any] = {"REQUESTS_TIMEOUT": TIMEOUT_SECONDS}
    if mail.webhook_secret:
        found["WEBHOOK_SECRET"] = f"matricula:{mail.webhook_secret}"
    if mail.url is None or not mail.service:
        return found
    parts = split("EMAIL_URL", mail.url, _REMEDY)
    key, password = unquote(parts.username or ""), unquote(parts.password or "")
    match mail.service:
        case "ses":
            found |= _of_amazon(parts.hostname or "", key, password)
        case "mailgun":
            found |= _of_mailgun(parts, key)
        case "postmark":
            found["POSTMARK_SERVER_TOKEN"] = key
        case _:
            found[f"{mail.service.upper()}_API_KEY"] = key
    return found


def _of_amazon(region: str, key: str, secret: str) -> dict[str, Any]:
    """Without a key, AWS's own places are looked in: environment, profile, the machine's role."""
    patience = {
        "connect_timeout": TIMEOUT_SECONDS,
        "read_timeout": TIMEOUT_SECONDS,
        "retries": {"total_max_attempts": 1},
    }
    client: dict[str, Any] = {"region_name": region, "config": patience}
    if key:
        client |= {"aws_access_key_id": key, "aws_secret_access_key": secret}
    return {"AMAZON_SES_CLIENT_PARAMS": client}


def _of_mailgun(parts: SplitResult, key: str) -> dict[str, Any]:
    options = parse_qs(parts.query)
    found = {"MAILGUN_API_KEY": key, "MAILGUN_SENDER_DOMAIN": parts.hostname or ""}
    if options.get("region") == ["eu"]:
        found["MAILGUN_API_URL"] = "https://api.eu.mailgun.net/v3"
    if "signing_key" in options:
        found["MAILGUN_WEBHOOK_SIGNING_KEY"] = options["signing_key"][0]
    return found


def _url(environ: Mapping[str, str], *, demo: bool) -> str | None:
    url = environ.get("EMAIL_URL", "").strip()
    if not url and not demo:
        raise SettingError("EMAIL_URL", "is not set", _REMEDY)
    if not url:
        return None
    parts = split("EMAIL_URL", url, _REMEDY)
    if parts.scheme not in _SMTP and parts.scheme not in SERVICES:
        raise SettingError("EMAIL_URL", f"has the scheme {parts.scheme!r}", _REMEDY)
    names_host = parts.scheme in _SMTP or parts.scheme in {"ses", "mailgun"}
    if names_host and not parts.hostname:
        raise SettingError("EMAIL_URL", "names no host", _REMEDY)
    if parts.scheme in SERVICES and parts.scheme != "ses" and not parts.username:
        raise SettingError("EMAIL_URL", "holds no key before the @", _REMEDY)
    return url


def _hours(environ: Mapping[str, str]) -> tuple[int, ...]:
    name = "MATRICULA_REMINDER_HOURS"
    text = environ.get(name, "").strip() or "1,24"
    parts = [part.strip() for part in text.split(",")]
    hours = [int(part) for part in parts if part.isascii() and part.isdigit()]
    if len(hours) != len(parts) or hours != sorted(set(hours)) or not 0 < hours[-1] <= 24 * 7:
        raise SettingError(
            name, f"is {text!r}", "set it to rising numbers of hours up to 168, like 1,24"
        )
    return tuple(hours)


def _address(environ: Mapping[str, str], name: str) -> str:
    """An address, or a name and an address."""
    text = environ.get(name, "").strip()
    local, _, domain = parseaddr(text)[1].rpartition("@")
    if text and not (local and domain):
        raise SettingError(name, f"is {text!r}", "set it to an address, like hello@example.org")
    return text


def _reply_address(environ: Mapping[str, str]) -> str:
    name = "MATRICULA_REPLY_ADDRESS"
    text = _address(environ, name).lower()
    local = text.rpartition("@")[0]
    if text and (parseaddr(text)[1] != text or "+" in local or len(local) > _LONGEST_REPLY_NAME):
        raise SettingError(
            name,
            f"is {text!r}",
            f"set it to a bare address without + and with at most {_LONGEST_REPLY_NAME} characters "
            "before the @, like support@example.org",
        )
    return text


def _webhook_secret(environ: Mapping[str, str]) -> str:
    name = "MATRICULA_MAIL_WEBHOOK_SECRET"
    text = environ.get(name, "").strip()
    if text and (len(text) < _LEAST_SECRET or not text.isascii() or not text.isalnum()):
        raise SettingError(
            name,
            "is too short or not made of letters and digits",
            "set it to the output of: openssl rand -hex 24",
        )
    return text
