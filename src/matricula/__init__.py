"""Matricula: enrollment and checkout for courses. Read `flows/enroll.py` first."""

__version__ = "0.1.0"
