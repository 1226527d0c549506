from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('webhooks', '0001_initial'),
    ]

    operations = [
        migrations.AddIndex(
            model_name='delivery',
            index=models.Index(condition=models.Q(('state', 'pending')), fields=['endpoint', 'next_try_at'], name='webhook_due_at'),
        ),
        migrations.AddIndex(
            model_name='delivery',
            index=models.Index(condition=models.Q(('leased_until__isnull', False), ('state', 'pending')), fields=['endpoint', 'leased_until'], name='webhook_leased'),
        ),
        migrations.RemoveIndex(
            model_name='delivery',
            name='webhook_due',
        ),
    ]
