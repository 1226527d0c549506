"""What every room stands on: money, ids, the clock, errors, transitions, events, idempotency.

Imports no other room.
"""
