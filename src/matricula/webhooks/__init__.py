"""Outgoing webhooks: what happened, told to other systems (https://www.standardwebhooks.com).

`types.py` lists what can be told, `rules.py` says when to try again (pure), `addresses.py` where a
request may go, `sending.py` makes it, `vault.py` keeps the secrets. `flows/webhooks.py` tells the
whole story.
"""
