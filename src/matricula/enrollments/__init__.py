"""Enrollments: a person's right to attend a cohort, from request to end.

`states.py` is the saga's table, `rules.py` decides who may enroll (pure), `queries.py` reads.
Rows are made by the enrollment function of `flows/sql` and moved by `actions.move`.
"""
