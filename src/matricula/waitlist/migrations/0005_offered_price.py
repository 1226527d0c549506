from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('waitlist', '0004_skipped_words'),
    ]

    operations = [
        migrations.AddField(
            model_name='offer',
            name='price_minor',
            field=models.PositiveBigIntegerField(help_text='The price of the course when the seat was offered. Empty: not known.', null=True),
        ),
        migrations.AddField(
            model_name='offer',
            name='currency',
            field=models.CharField(blank=True, db_default='', default='', max_length=3),
        ),
    ]
