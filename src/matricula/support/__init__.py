"""Support: what people and staff say to each other, whichever way it comes.

`states.py` is the life of a conversation, `rules.py` says how much may be written (pure),
`actions.add` numbers and keeps a message. `flows/support.py` tells the whole story.
"""
