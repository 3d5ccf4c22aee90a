"""Record of a decision, from which it can be replayed.

Storing records belongs in `controller.store`.
"""
