"""Who held the lock: a test that waited for one in vain says so in its report.

In a database of its own nobody else should hold anything. When somebody does, the failure alone
does not tell who; what the server's other connections are doing at that moment does.
"""

from __future__ import annotations

import os

import psycopg
from django.db import OperationalError

_OTHERS = """
    SELECT pid, application_name, state, now() - xact_start, wait_event, left(query, 200)
      FROM pg_stat_activity
     WHERE datname = current_database() AND pid <> pg_backend_pid() AND xact_start IS NOT NULL
     ORDER BY xact_start
"""


def holders(error: BaseException | None) -> str:
    """What else is in a transaction on this process's database, if `error` is a lock that did not
    come; empty for any other."""
    if not isinstance(error, OperationalError) or "lock timeout" not in str(error):
        return ""
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as connection:
        rows = connection.execute(_OTHERS).fetchall()
    return "\n".join(" | ".join(map(str, row)) for row in rows) or "nobody any more"
