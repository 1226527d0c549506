"""The waitlist: who queues for a cohort that is full, in which order, and what they were offered.

`Queue` is a cohort's list and its terms; `Entry` is a place in it, for one person or a party;
`Offer` is a seat held for somebody who waited (its id is the hold's key in the seats room).

Whoever changes a list holds the cohort's counter row (`seats.actions.lock_counters`), so that the
list, the seats and the flag `queued` on the counter row never disagree. `actions.join`, `leave`,
`skip`, `serve`, `accept`, `lapse`; `order.move`; `rules.plan` decides who is next (pure), from
`line.line_of`; `queries` says where somebody stands. `flows/waitlist.py` and `flows/promote.py`
tell the stories.
"""
