"""The benchmarks of Matricula: each figure beside its limit, measured in the same run.

Run them with `python -m bench` (or `make bench`); README.md beside this file says how to read them.
"""
