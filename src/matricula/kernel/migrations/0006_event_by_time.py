from django.contrib.postgres.indexes import BrinIndex
from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations


class Migration(migrations.Migration):
    """Beside whoever appends events; what an attempt before this one has left is taken away."""

    atomic = False

    dependencies = [
        ("kernel", "0005_set_up_mark"),
    ]

    operations = [
        migrations.RunSQL(
            "DROP INDEX CONCURRENTLY IF EXISTS event_by_time", migrations.RunSQL.noop
        ),
        AddIndexConcurrently(
            model_name="event",
            index=BrinIndex(autosummarize=True, fields=["at"], name="event_by_time"),
        ),
    ]
