"""Payments: what we asked of a gateway, what it told us, and what is to be given back.

`port.py` is what every gateway must do; `providers/` do it. `states.py` holds the tables,
`ledger.py` the append-only facts and the balances that follow from them, `inbox.py` the webhooks.
What a payment means for an enrollment is not known here: `flows/settle.py` joins them.
"""
