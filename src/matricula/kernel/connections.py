"""Connections to the database are few, and shared by the threads of a process."""

from __future__ import annotations

from django.db import connection


def release_connection() -> None:
    """Gives this thread's connection back to the pool, before it waits for somebody outside; the
    next query takes one again. Inside a transaction it does nothing."""
    if not connection.in_atomic_block:
        connection.close()
