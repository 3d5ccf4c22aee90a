"""State that survives a restart: one SQLite file and the files in its folder.

The lease that daemons share belongs in `adapters.leases`. The stored values are defined where they are used.
"""
