from django.contrib.postgres.indexes import BrinIndex
from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations


class Migration(migrations.Migration):
    """Beside whoever appends events, however long it waits for transactions that go on: nobody waits
    for it. What an attempt before this one has left is taken away."""

    atomic = False

    dependencies = [
        ("kernel", "0005_set_up_mark"),
    ]

    operations = [
        migrations.RunSQL("SET lock_timeout = 0", migrations.RunSQL.noop),
        migrations.RunSQL(
            "DROP INDEX CONCURRENTLY IF EXISTS event_by_time", migrations.RunSQL.noop
        ),
        AddIndexConcurrently(
            model_name="event",
            index=BrinIndex(autosummarize=True, fields=["at"], name="event_by_time"),
        ),
        migrations.RunSQL("SET lock_timeout = '4s'", migrations.RunSQL.noop),  # as schema.py has it
    ]
