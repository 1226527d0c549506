"""Apart from adding the constraint, so that checking what is there keeps nobody from writing."""

from django.contrib.postgres.operations import ValidateConstraint
from django.db import migrations


class Migration(migrations.Migration):

    dependencies = [
        ('catalog', '0007_slugs'),
    ]

    operations = [
        ValidateConstraint(model_name='course', name='course_slug_can_be_an_address'),
    ]
