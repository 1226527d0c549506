"""The role of those who answer: what they may see and do in the console."""

from __future__ import annotations

from django.contrib.auth.models import Group, Permission
from django.db import transaction
from django.db.models import Q

ROLE = "Support"
_MAY = {
    "support": ("view_conversation", "change_conversation", "view_cannedanswer"),
    "accounts": ("view_person",),
    "enrollments": ("view_enrollment",),
    "orders": ("view_order",),
    "payments": ("view_payment", "view_refund"),
    "kernel": ("view_event",),
}


@transaction.atomic
def ensure_role() -> None:
    """Makes the role where there is none; one that is there stays as staff left it."""
    role, is_new = Group.objects.get_or_create(name=ROLE)
    if not is_new:
        return
    wanted = Q()
    for app, names in _MAY.items():
        wanted |= Q(content_type__app_label=app, codename__in=names)
    role.permissions.set(Permission.objects.filter(wanted))
