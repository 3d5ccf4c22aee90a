"""What is checked or shown before a daemon runs: discover, doctor, plan, warnings about a policy.

It never changes capacity, except for the live check, which asks first.
"""
