from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("notifications", "0002_queued_mail")]

    operations = [
        migrations.AddField(
            model_name="delivery",
            name="delivered_at",
            field=models.DateTimeField(
                help_text="When the reader's server took it, if the mail service says so.",
                null=True,
            ),
        ),
        migrations.AddField(
            model_name="preference",
            name="wording",
            field=models.CharField(
                blank=True,
                # The old code, which runs beside this, names no wording.
                db_default="",
                default="",
                help_text="The words that were agreed to, where they were asked.",
                max_length=300,
            ),
        ),
    ]
