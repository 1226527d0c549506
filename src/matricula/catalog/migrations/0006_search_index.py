"""What the catalog's search looks in. The index of every course is made after the migrations
(`catalog/apps.py`), since folding is the application's."""

import django.contrib.postgres.indexes
import matricula.catalog.indexed
from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ('catalog', '0005_recommendations'),
    ]

    operations = [
        migrations.AddField(
            model_name='course',
            name='search_index',
            field=matricula.catalog.indexed.SearchIndex(editable=False, null=True),
        ),
        migrations.AddField(
            model_name='course',
            name='search_source',
            field=models.CharField(db_default='', default='', editable=False, max_length=40),
        ),
        AddIndexConcurrently(
            model_name='course',
            index=django.contrib.postgres.indexes.GinIndex(fields=['search_index'], name='course_search_index'),
        ),
        AddIndexConcurrently(
            model_name='course',
            index=models.Index(condition=models.Q(('search_index__isnull', True)), fields=['id'], name='course_not_indexed'),
        ),
    ]
