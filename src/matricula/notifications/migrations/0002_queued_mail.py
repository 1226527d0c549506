"""Mail that the kernel had queued is queued here; its jobs go, since nothing runs them any more."""

import uuid

import django.db.models.functions.datetime
from django.db import migrations


def take_over(apps, schema_editor):
    OutgoingMail = apps.get_model("kernel", "OutgoingMail")
    Delivery = apps.get_model("notifications", "Delivery")
    for row in OutgoingMail.objects.order_by("pk").iterator(chunk_size=500):
        content = row.content
        html = next((text for text, kind in content["alternatives"] if kind == "text/html"), "")
        headers = dict(content["headers"])
        message_id = headers.pop("Message-ID")
        for address in [*content["to"], *content["cc"], *content["bcc"]]:
            Delivery.objects.create(
                id=uuid.uuid4(),
                kind="other",
                address=address,
                subject=content["subject"][:250],
                message_id_header=message_id[:200],
                content={"text": content["body"], "html": html, "headers": headers,
                         "attachments": []},
                created_at=row.created_at,
                due_at=django.db.models.functions.datetime.Now(),
            )
    with schema_editor.connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM procrastinate_jobs WHERE status = 'todo'"
            " AND task_name = 'matricula.kernel.jobs.deliver_mail'"
        )


class Migration(migrations.Migration):
    dependencies = [
        ("notifications", "0001_initial"),
        ("kernel", "0001_initial"),
        ("procrastinate", "0001_initial"),
    ]
    run_before = [("kernel", "0002_delete_outgoingmail")]

    operations = [migrations.RunPython(take_over, migrations.RunPython.noop)]
