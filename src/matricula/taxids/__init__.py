"""VAT ids that businesses give, and whether they are confirmed: by VIES, the European Commission's
register of them, or by staff.

A confirmed id moves the duty to pay VAT from us to the buyer, so the proof is kept beside it.
Writes: `actions.submit`, `actions.record_answer`, `actions.put_off`, `actions.decide`; reads:
`queries.find`, `queries.evidence`. What asks VIES is `flows/tax_ids.py`, through `vies.Vies`.
"""
