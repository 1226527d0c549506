"""Outgoing mail belongs to the notifications. The table goes a release later: until then processes of
the one before may still look into it."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("kernel", "0001_initial")]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[migrations.DeleteModel(name="OutgoingMail")]
        )
    ]
