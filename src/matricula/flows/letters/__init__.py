"""What letters say: plain functions from facts to words, in the language that is active.

`about.py` holds the facts. Who is written to, and when, is `flows/tell.py` and `flows/remind.py`.
"""
