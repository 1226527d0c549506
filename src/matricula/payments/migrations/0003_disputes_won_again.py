from django.contrib.postgres.operations import AddConstraintNotValid
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("payments", "0002_withdrawal")]

    operations = [
        migrations.AddField(
            model_name="dispute",
            name="fetched_at",
            field=models.DateTimeField(
                help_text="When the gateway was last asked about it.", null=True
            ),
        ),
        migrations.AlterField(
            model_name="ledgerentry",
            name="kind",
            field=models.CharField(
                choices=[
                    ("capture", "Capture"),
                    ("refund", "Refund"),
                    ("refund_failure", "Refund Failure"),
                    ("dispute_lost", "Dispute Lost"),
                    ("dispute_won", "dispute won: money that a lost one had taken is back"),
                ],
                max_length=14,
            ),
        ),
        migrations.AlterField(
            model_name="stafftask",
            name="kind",
            field=models.CharField(
                choices=[
                    ("quarantine", "a payment that does not fit its order"),
                    ("refund_failed", "a refund failed"),
                    ("outside", "a refund was made at the gateway"),
                    ("dispute", "a payment is disputed"),
                    ("gateway", "the gateway needs attention"),
                ],
                max_length=13,
            ),
        ),
        migrations.RemoveConstraint(model_name="ledgerentry", name="ledger_kind_known"),
        # Validated by the next migration, without a lock that keeps writers out.
        AddConstraintNotValid(
            model_name="ledgerentry",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    kind__in=["capture", "refund", "refund_failure", "dispute_lost", "dispute_won"]
                ),
                name="ledger_kind_known",
            ),
        ),
    ]
