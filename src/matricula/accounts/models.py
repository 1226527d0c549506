"""People and the refresh tokens of their programs."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower, Now

from matricula.kernel import ids
from matricula.kernel.fields import LineField


class People(BaseUserManager["Person"]):
    """The manager Django and allauth make people with."""

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> Person:
        person = self.model(email=email.strip().lower(), **fields)
        person.set_password(password)
        person.save(using=self._db)
        return person

    def get_by_natural_key(self, username: str | None) -> Person:
        return self.get(email=(username or "").strip().lower())


class Person(AbstractBaseUser, PermissionsMixin):
    """Somebody with an account. The e-mail address is kept in lower case and is unique."""

    id = models.UUIDField(primary_key=True, default=ids.new_id, editable=False)
    email = models.EmailField(max_length=254)
    full_name = LineField(max_length=150, blank=True)
    phone = models.CharField(max_length=32, blank=True)
    birth_date = models.DateField(
        null=True, blank=True, help_text="Asked for only by courses with an age limit."
    )
    guest_email = models.EmailField(
        max_length=254,
        blank=True,
        db_default="",
        help_text="The address a guest gave; empty for an account.",
    )
    language = models.CharField(
        max_length=10, blank=True, db_default="", help_text="What they read; empty: the site's."
    )
    is_staff = models.BooleanField(default=False, help_text="May open the console.")
    is_active = models.BooleanField(default=True, help_text="May sign in.")
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    objects = People()

    EMAIL_FIELD = "email"
    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        verbose_name_plural = "people"
        constraints: ClassVar = [
            models.UniqueConstraint(Lower("email"), name="one_person_per_email")
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["guest_email"], condition=~Q(guest_email=""), name="guest_by_email"
            )
        ]

    def __str__(self) -> str:
        return self.full_name or self.email

    def get_full_name(self) -> str:
        return self.full_name

    def get_short_name(self) -> str:
        return self.full_name.split(" ")[0] if self.full_name else self.email


class LearnerGroup(models.Model):
    """People whom staff put together: a class, a company, a scholarship. It gives no rights."""

    id = models.UUIDField(primary_key=True, default=ids.new_id, editable=False)
    name = LineField(max_length=80, unique=True)
    members = models.ManyToManyField(Person, blank=True, related_name="learner_groups")

    def __str__(self) -> str:
        return self.name


class RefreshToken(models.Model):
    """One refresh token, as the SHA-256 of its text. Each use retires it and makes the next of its
    family; a retired one used again means a thief or a lost answer, and ends the whole family.
    """

    id = models.UUIDField(primary_key=True, default=ids.new_id, editable=False)
    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="refresh_tokens")
    family = models.UUIDField(db_index=True)
    digest = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField(db_default=Now())
    expires_at = models.DateTimeField(db_index=True)
    used_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return str(self.id)
