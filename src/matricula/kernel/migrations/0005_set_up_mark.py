from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("kernel", "0004_effect")]

    operations = [
        migrations.CreateModel(
            name="SetUpMark",
            fields=[
                ("mark", models.TextField(primary_key=True, serialize=False)),
                ("functions", models.TextField(db_default="", default="")),
            ],
        ),
    ]
