"""Replay recorded demand: what Stoker would have done, and what it would have cost.

The command belongs in `cli`; prices belong in `decision.costs`.
"""
