"""Which capacity rule to follow: candidates, their replayed cost, and their weights. Pure.

Bounds on what a rule proposes belong in `planning`.
"""
