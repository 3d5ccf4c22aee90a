"""Checks and previews before a daemon runs: discover, doctor, plan, warnings about a policy.

Only the live check changes capacity, after confirmation.
"""
