"""Pricing: what somebody pays for a course, where they are, with which coupons.

`rules.py` makes the quote, `coupons.py` and `tax.py` decide their parts: pure, over plain values.
`actions.py` counts coupons, `queries.py` reads.
"""
