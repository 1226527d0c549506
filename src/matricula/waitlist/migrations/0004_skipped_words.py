from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('waitlist', '0003_stretches_and_wishes'),
    ]

    operations = [
        migrations.AddField(
            model_name='entry',
            name='skipped_words',
            field=models.JSONField(blank=True, null=True),
        ),
    ]
