from django.contrib.postgres.operations import ValidateConstraint
from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("payments", "0003_disputes_won_again")]

    operations = [ValidateConstraint(model_name="ledgerentry", name="ledger_kind_known")]
