"""What waits: the async edge, in the same process and on the same port as Django.

`routes.py` lists what is answered here; everything else is Django's. Nothing here uses Django's ORM
or its threads: the database is asked through a small asynchronous pool of its own.
"""
