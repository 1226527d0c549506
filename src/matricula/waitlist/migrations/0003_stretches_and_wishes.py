import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('catalog', '0004_course_revision'),
        ('enrollments', '0002_overrides_and_swaps'),
        ('waitlist', '0002_list_messages'),
    ]

    operations = [
        migrations.CreateModel(
            name='Stretch',
            fields=[
                ('pk', models.CompositePrimaryKey('cohort_id', 'rank', 'number', blank=True, editable=False, primary_key=True, serialize=False)),
                ('cohort', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='catalog.cohort')),
                ('rank', models.SmallIntegerField()),
                ('number', models.BigIntegerField()),
                ('places', models.IntegerField()),
                ('seats', models.IntegerField()),
                ('counted', models.IntegerField()),
            ],
        ),
        migrations.AddField(
            model_name='entry',
            name='leaves_others',
            field=models.BooleanField(db_default=False, default=False),
        ),
        migrations.AddField(
            model_name='entry',
            name='replaces',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='enrollments.enrollment'),
        ),
        migrations.AddIndex(
            model_name='entry',
            index=models.Index(condition=models.Q(('leaves_others', True)), fields=['ended_at'], name='entry_leaves_others'),
        ),
    ]
