"""What is done for many events together has a table of its own. What waits as jobs is moved there."""

import django.db.models.functions.datetime
from django.db import migrations, models

_MOVE = """
    INSERT INTO kernel_effect (work, event_seq)
    SELECT DISTINCT j.task_name, seq::bigint
      FROM procrastinate_jobs j CROSS JOIN jsonb_array_elements_text(j.args -> 'event_seqs') seq
     WHERE j.status = 'todo' AND j.args ? 'event_seqs';
    DELETE FROM procrastinate_jobs WHERE status = 'todo' AND args ? 'event_seqs';
"""


class Migration(migrations.Migration):
    dependencies = [
        ("kernel", "0003_request_counts"),
        ("procrastinate", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="Effect",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("work", models.TextField()),
                ("event_seq", models.BigIntegerField()),
                ("due_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("tries", models.SmallIntegerField(db_default=0, default=0)),
            ],
            options={
                "indexes": [models.Index(fields=["work", "due_at"], name="effect_by_time")],
            },
        ),
        migrations.RunSQL(_MOVE, migrations.RunSQL.noop),
    ]
