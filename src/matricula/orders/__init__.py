"""Orders: what somebody bought, frozen at checkout, and the legal papers about it.

`actions.place` writes an order with its lines; `states.py` is its life; `policy.py` says how
much of a line may be given back (pure); `documents` numbers and prints invoices and credit notes.
"""
