"""What survives a restart: one SQLite file and the files beside it.

The lease that daemons share belongs in `adapters`. What is stored is defined where it is used.
"""
