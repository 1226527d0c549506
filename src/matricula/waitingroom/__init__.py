"""The waiting room of a cohort that many want at once: tickets in order of arrival.

A ticket is an enrollment in stage `requested` with a number. `Line` gives the numbers, one after
the other; `Room` says when the room is open and how far the line has been served. Tickets are taken
and served by the functions of `flows/sql/admit.sql`.

Public verbs: `actions.set_up`, `actions.open_room`, `actions.close_room`, `actions.pause`,
`actions.leave`; reads: `queries.place_of`, `queries.crowds`.
"""
