from django.db import migrations


class Migration(migrations.Migration):
    """Leaves half of each page free, so that counting a seat finds room beside the old row: the update
    then touches no index."""

    dependencies = [("seats", "0001_initial")]

    operations = [
        migrations.RunSQL(
            "ALTER TABLE seats_seatcount SET (fillfactor = 50)",
            "ALTER TABLE seats_seatcount RESET (fillfactor)",
        )
    ]
