"""What people are told: messages, the mail that carries them, and what became of it.

A `Message` is something said to a person: it stands in the app under their bell. A `Delivery` is
one mail, queued by the transaction that wants it and sent by the worker; it is also the log of what
became of it. All mail of the site goes this way, accounts' too: `mail.Backend` is Django's backend.

Public verbs: `actions.say`, `actions.mark_read`, `actions.set_preference`, `actions.lift`,
`actions.send_again`; `sending.send_until` is the worker's thread. Who is told what, and in which
words, is `flows/tell.py`.
"""
