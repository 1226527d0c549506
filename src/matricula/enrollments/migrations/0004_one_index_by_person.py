from django.conf import settings
from django.db import migrations, models
from django.db.models.deletion import PROTECT


class Migration(migrations.Migration):
    """An index less. By name: Django would take the foreign key away and check every row again."""

    dependencies = [
        ("enrollments", "0003_live_by_cohort"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.AlterField(
                    model_name="enrollment",
                    name="person",
                    field=models.ForeignKey(
                        db_index=False, on_delete=PROTECT, to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
            database_operations=[
                migrations.RunSQL(
                    "DROP INDEX IF EXISTS enrollments_enrollment_person_id_5d33b0bc",
                    "CREATE INDEX IF NOT EXISTS enrollments_enrollment_person_id_5d33b0bc"
                    " ON enrollments_enrollment (person_id)",
                ),
            ],
        ),
    ]
