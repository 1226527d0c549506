"""Who asked to be told when a course can be enrolled in.

Public verbs: `actions.ask`, `actions.withdraw`, `actions.close`. What they are told, and when, is
`flows/openings.py`.
"""
