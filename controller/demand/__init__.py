"""Demand of pools: collect it, check that it is plausible and settled, and pass it to the selector.

Decisions based on demand belong in `decision`.
"""
