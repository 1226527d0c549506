from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("support", "0001_initial")]

    operations = [
        migrations.AlterField(
            model_name="message",
            name="channel",
            field=models.CharField(
                choices=[
                    ("form", "Form"),
                    ("link", "Link"),
                    ("chat", "Chat"),
                    ("api", "Api"),
                    ("console", "Console"),
                    ("mail", "Mail"),
                ],
                max_length=10,
            ),
        ),
    ]
