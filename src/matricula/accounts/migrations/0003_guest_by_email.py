"""Beside the running site: the index is made without keeping anybody from signing up."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("accounts", "0002_guests")]

    operations = [
        AddIndexConcurrently(
            model_name='person',
            index=models.Index(condition=models.Q(('guest_email', ''), _negated=True), fields=['guest_email'], name='guest_by_email'),
        ),
    ]
