"""The kinds of messages there are, and which of them a person may turn off."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import models
from django.utils.translation import gettext_lazy as _


class Category(models.TextChoices):
    """What a message is about. Preferences and one-click unsubscribing go by it."""

    PURCHASE = "purchase", _("Your enrollments, payments and refunds")
    ACCOUNT = "account", _("Your account and its security")
    SUPPORT = "support", _("Answers to your questions")
    WAITLIST = "waitlist", _("Waitlists you are on")
    REMINDER = "reminder", _("Reminders: courses that start, checkouts left unfinished")
    STAFF = "staff", _("Alerts for staff")


# About what somebody bought or asked for, which they must be able to count on.
ALWAYS = frozenset({Category.PURCHASE, Category.ACCOUNT, Category.SUPPORT})


@dataclass(frozen=True)
class Kind:
    """One kind of message.

    `wait_seconds`: its mail is sent so much later, and only if it is still true then.
    `is_mailed`: whether it goes by mail at all, or stands in the app alone.
    """

    name: str
    category: Category
    wait_seconds: int = 0
    is_mailed: bool = True


_KINDS = (
    Kind("enrollment_confirmed", Category.PURCHASE),
    Kind("enrollment_cancelled", Category.PURCHASE),
    Kind("enrollment_failed", Category.PURCHASE),
    Kind("enrollment_expired", Category.PURCHASE),
    # Who watches the line goes on by themselves, and needs no mail about it.
    Kind("turn_came", Category.PURCHASE, wait_seconds=30),
    Kind("hold_ending", Category.PURCHASE),
    Kind("receipt", Category.PURCHASE),
    Kind("withdrawn", Category.PURCHASE),
    # Most people who fail try again at once: those are not written to.
    Kind("payment_failed", Category.PURCHASE, wait_seconds=180),
    Kind("refund_started", Category.PURCHASE),
    Kind("refund_arrived", Category.PURCHASE),
    Kind("waitlist_joined", Category.WAITLIST),
    Kind("waitlist_offered", Category.WAITLIST),
    Kind("waitlist_offer_ending", Category.WAITLIST),
    Kind("waitlist_lapsed", Category.WAITLIST),
    Kind("waitlist_skipped", Category.WAITLIST, is_mailed=False),
    Kind("waitlist_message", Category.WAITLIST),
    Kind("course_opened", Category.REMINDER),
    Kind("course_starting", Category.REMINDER),
    Kind("checkout_waiting", Category.REMINDER),
    Kind("staff_task", Category.STAFF),
    Kind("failed_work", Category.STAFF),
    Kind("account", Category.ACCOUNT),
    Kind("other", Category.SUPPORT),
)
KINDS: dict[str, Kind] = {kind.name: kind for kind in _KINDS}
