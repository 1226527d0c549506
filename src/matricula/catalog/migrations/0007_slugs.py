"""Slugs stay their course's for ever (`sql/slugs.sql` fills the table), and can be addresses."""

import django.db.models.deletion
from django.contrib.postgres.operations import AddConstraintNotValid
from django.core.validators import RegexValidator
from django.db import migrations, models

# Pages of these courses could not be opened: nobody has a link to lose.
MEND = """
UPDATE catalog_course
   SET slug = left(regexp_replace('course-' || regexp_replace(slug, '^crs_', ''),
                                  '[^-a-zA-Z0-9_]+', '-', 'g'), 60) || '-' || right(id::text, 12)
 WHERE slug !~ '^[-a-zA-Z0-9_]+$' OR slug ~ '^crs_'
"""


class Migration(migrations.Migration):

    dependencies = [
        ('catalog', '0006_search_index'),
    ]

    operations = [
        migrations.CreateModel(
            name='CourseSlug',
            fields=[
                ('slug', models.CharField(max_length=80, primary_key=True, serialize=False)),
                ('course', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='slugs', to='catalog.course')),
            ],
            options={
                'verbose_name': 'address',
                'verbose_name_plural': 'addresses',
            },
        ),
        migrations.AlterField(
            model_name='course',
            name='slug',
            field=models.SlugField(max_length=80, unique=True, validators=[RegexValidator('^(?!crs_)', 'An address cannot begin with crs_: ids do.')]),
        ),
        migrations.RunSQL(MEND, migrations.RunSQL.noop),
        AddConstraintNotValid(
            model_name='course',
            constraint=models.CheckConstraint(condition=models.Q(('slug__regex', '^[-a-zA-Z0-9_]+$'), models.Q(('slug__startswith', 'crs_'), _negated=True)), name='course_slug_can_be_an_address'),
        ),
    ]
