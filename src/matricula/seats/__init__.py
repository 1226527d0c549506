"""Seats: how many a cohort has, who holds them, until when. The only writer of seat counts.

A seat is held for a time (while somebody pays) or sold. `SeatCount` is the one narrow, hot row of
a cohort; `Hold` is the ledger that says who has each seat.

Public verbs: `actions.set_capacity`, `actions.release`, `actions.extend`, `actions.sell`,
`actions.expire`, `actions.give_by_turn`; seats are claimed by the SQL function `claim_seats`
(`sql/claims.sql`), called by the enrollment function of `flows`.
"""
