"""Runs Matricula's processes on one machine.

`embedded` owns the bundled PostgreSQL, `supervisor` keeps a list of services running, `serving`
says which services make up an installation, `web` is one web process, `backup` dumps and restores
the database. Nothing here imports Django or a domain room: the supervisor stays small.
"""
