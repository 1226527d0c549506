"""Ids as people write them, and links from one record to the next."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import get_args
from uuid import UUID

from django.conf import settings
from django.db.models import Model
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from matricula.kernel import ids
from matricula.kernel.errors import NotFound
from matricula.kernel.ids import Prefix

LARGEST_SHOWN = 20_000

# What an event is about, by the first word of its type. What is not listed is shown as a UUID.
_PREFIX_OF_EVENT: dict[str, Prefix] = {
    "enrollment": "enr",
    "access": "enr",
    "payment": "enr",
    "guest": "enr",
    "coupon": "cpn",
    "course": "crs",
    "cohort": "coh",
    "waiting_room": "coh",
    "person": "usr",
    "completion": "usr",
    "support": "sup",
    "message": "dlv",
    "waitlist": "wtl",
}
_PAGE_OF_PREFIX: dict[str, str] = {
    "enr": "enrollments_enrollment",
    "crs": "catalog_course",
    "coh": "catalog_cohort",
    "usr": "accounts_person",
    "hld": "seats_hold",
    "ord": "orders_order",
    "pay": "payments_payment",
    "rfd": "payments_refund",
    "sup": "support_conversation",
    "dlv": "notifications_delivery",
    "wtl": "waitlist_entry",
}


@dataclass(frozen=True)
class Reference:
    """An id somebody typed. `prefix` is empty for a plain UUID."""

    prefix: str
    value: UUID


def read(text: str) -> Reference | None:
    """The TypeID or UUID that the text is, or None when it is neither."""
    text = text.strip()
    kind = text.partition("_")[0]
    for prefix in get_args(Prefix):
        if prefix == kind:
            try:
                return Reference(prefix, ids.from_text(prefix, text))
            except NotFound:
                return None
    try:
        return Reference("", UUID(text))
    except ValueError:
        return None


def of_event(event_type: str, subject: UUID) -> str:
    """The text of an event's subject."""
    prefix = _PREFIX_OF_EVENT.get(event_type.partition(".")[0])
    return ids.to_text(prefix, subject) if prefix else str(subject)


# A person is named by an address, which has no spaces to break at: it must neither widen a phone's
# page nor be squeezed into a column of letters.
_OF_A_PERSON = "display: inline-block; min-width: min(14rem, 50vw); overflow-wrap: anywhere"


def page(prefix: str, value: UUID, text: str | None = None) -> SafeString:
    """A link to the record's page, with the given words or its TypeID."""
    for known in get_args(Prefix):
        if known == prefix and prefix in _PAGE_OF_PREFIX:
            address = reverse(f"admin:{_PAGE_OF_PREFIX[prefix]}_change", args=[value])
            style = _OF_A_PERSON if known == "usr" else ""
            return link(address, text or ids.to_text(known, value), style)
    return format_html("{}", text or value)


def listing(model: type[Model], query: str, text: str) -> SafeString:
    """A link to a filtered list."""
    return link(f"{changelist(model)}?{query}", text)


def changelist(model: type[Model]) -> str:
    """The address of a model's list."""
    about = model._meta  # noqa: SLF001 - public in all but name
    return reverse(f"admin:{about.app_label}_{about.model_name}_changelist")


def link(address: str, text: str, style: str = "") -> SafeString:
    return format_html(
        '<a class="text-primary-600 dark:text-primary-500 hover:underline" style="{}"'
        ' href="{}">{}</a>',
        style,
        address,
        text,
    )


def mono(text: str) -> SafeString:
    """An id, in type that shows each character."""
    return format_html(
        '<span class="text-xs" style="font-family: ui-monospace, monospace">{}</span>', text
    )


def when(moment: datetime | None) -> str:
    """A moment on the school's clock (`MATRICULA_TIME_ZONE`), narrow enough for a column."""
    zone = settings.ENVIRONMENT.time_zone
    return "-" if moment is None else f"{moment.astimezone(zone):%Y-%m-%d %H:%M %Z}"


def readable(raw: bytes | str) -> SafeString:
    """A body as text, indented when it is JSON, cut when it is long."""
    try:
        text = json.dumps(json.loads(raw), indent=1, ensure_ascii=False)
    except (ValueError, RecursionError):
        text = raw if isinstance(raw, str) else raw.decode("utf-8", "replace")
    return format_html(
        '<pre class="text-xs" style="white-space: pre-wrap; overflow-wrap: anywhere">{}</pre>',
        text[:LARGEST_SHOWN],
    )
