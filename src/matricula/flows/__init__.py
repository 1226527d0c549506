"""The stories. Each file tells one, from top to bottom, and composes the rooms below.

Start with `enroll.py`.
"""
