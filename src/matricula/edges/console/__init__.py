"""The staff console at /console/: Django's admin in unfold's clothes, over the rooms below.

`site.py` is the site and registers everything; `recording.py` is why a staff edit is in the event
log. People need `is_staff` to come in and Django's permissions to do anything there.
"""
