"""Being let in: who may open a course, and until when.

Access follows from the enrollment and is not stored twice, so the two cannot disagree
(docs/adr/0006).
"""
