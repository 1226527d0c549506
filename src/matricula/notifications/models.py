"""Messages, the mail that carries them, and what people want of it."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from matricula.kernel import ids
from matricula.notifications.kinds import Category
from matricula.notifications.states import DeliveryState

LONGEST_ERROR = 500


class Message(models.Model):
    """Something a person was told, in their language. `id` follows from the event and the kind, so
    that an event told twice is one message.
    """

    id = models.UUIDField(primary_key=True, editable=False)
    person = models.ForeignKey("accounts.Person", on_delete=models.CASCADE)
    kind = models.CharField(max_length=40)
    event_id = models.UUIDField(help_text="What it is about.")
    heading = models.CharField(max_length=200)
    summary = models.TextField()
    url = models.CharField(max_length=500, blank=True, help_text="Where to go on, on this site.")
    created_at = models.DateTimeField(db_default=Now())
    read_at = models.DateTimeField(null=True)

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["person", "-created_at"], name="message_by_person"),
            models.Index(
                fields=["person"], condition=Q(read_at__isnull=True), name="message_unread"
            ),
            models.Index(fields=["event_id"], name="message_by_event"),
        ]

    def __str__(self) -> str:
        return self.heading


class Delivery(models.Model):
    """One mail: queued, then sent or visibly not. `content` may hold a secret link or a password
    reset, so it goes once the mail is sent; the rest stays as the log.

    `due_at` is also the sender's lease: whoever takes a mail moves it on, and if it dies on the way
    the mail is taken again then, with the same Message-ID.
    """

    id = models.UUIDField(primary_key=True, default=ids.new_id, editable=False)
    message = models.OneToOneField(
        Message, null=True, on_delete=models.SET_NULL, related_name="delivery"
    )
    person = models.ForeignKey("accounts.Person", null=True, on_delete=models.SET_NULL)
    kind = models.CharField(max_length=40)
    address = models.EmailField(max_length=254)
    subject = models.CharField(max_length=250)
    message_id_header = models.CharField(max_length=200, help_text="The same at each try.")
    state = models.CharField(
        max_length=10, choices=DeliveryState.choices, default=DeliveryState.QUEUED
    )
    content = models.JSONField(null=True)
    correlation_id = models.TextField(blank=True)
    tries = models.PositiveSmallIntegerField(default=0)
    error = models.CharField(max_length=LONGEST_ERROR, blank=True)
    created_at = models.DateTimeField(db_default=Now())
    due_at = models.DateTimeField(db_default=Now())
    sent_at = models.DateTimeField(null=True)
    delivered_at = models.DateTimeField(
        null=True, help_text="When the reader's server took it, if the mail service says so."
    )

    class Meta:
        verbose_name_plural = "deliveries"
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(state__in=DeliveryState.values), name="delivery_state_known"
            ),
            models.CheckConstraint(
                condition=~Q(state=DeliveryState.QUEUED) | Q(content__isnull=False),
                name="queued_mail_has_content",
            ),
            models.CheckConstraint(
                condition=~Q(state=DeliveryState.SENT) | Q(sent_at__isnull=False),
                name="sent_mail_dated",
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["due_at"], condition=Q(state=DeliveryState.QUEUED), name="delivery_due"
            ),
            models.Index(fields=["address", "sent_at"], name="delivery_by_address"),
            models.Index(fields=["message_id_header"], name="delivery_by_header"),
            models.Index(fields=["state", "-id"], name="delivery_by_state"),
        ]

    def __str__(self) -> str:
        return ids.to_text("dlv", self.pk)


class SuppressedAddress(models.Model):
    """An address that mail is not sent to: it does not exist, or its reader complained."""

    class Reason(models.TextChoices):
        BOUNCE = "bounce", "mail came back"
        COMPLAINT = "complaint", "its reader called our mail spam"

    address = models.EmailField(max_length=254, unique=True)
    reason = models.CharField(max_length=10, choices=Reason.choices)
    detail = models.CharField(max_length=LONGEST_ERROR, blank=True)
    since = models.DateTimeField(db_default=Now())

    class Meta:
        verbose_name_plural = "suppressed addresses"
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(reason__in=["bounce", "complaint"]), name="suppression_reason_known"
            )
        ]

    def __str__(self) -> str:
        return self.address


class Preference(models.Model):
    """Whether a person wants mail of a category. Without one the category's default holds."""

    person = models.ForeignKey("accounts.Person", on_delete=models.CASCADE)
    category = models.CharField(max_length=10, choices=Category.choices)
    wants_mail = models.BooleanField()
    wording = models.CharField(
        max_length=300,
        blank=True,
        default="",
        db_default="",
        help_text="The words that were agreed to, where they were asked.",
    )
    changed_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["person", "category"], name="one_preference"),
            models.CheckConstraint(
                condition=Q(category__in=Category.values), name="preference_category_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.category}: {self.wants_mail}"
