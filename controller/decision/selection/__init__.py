"""Selection of capacity rules: candidates, their replayed cost, and their weights. Pure.

Bounds of a proposal belong in `planning`.
"""
