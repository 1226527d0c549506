"""Jobs that wait for other people's systems stand in a line of their own.

A gateway that hangs holds every job that asks it for as long as a call may take. In one line with
the others, a few of those would keep whole mails, seats and invoices waiting; so the worker has
slots for each line, and neither takes the other's.
"""

from __future__ import annotations

OURS = "default"  # procrastinate's name for where a task stands that names no queue
OUTSIDE = "outside"
QUEUES = (OURS, OUTSIDE)
