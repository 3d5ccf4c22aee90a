"""What the demand of pools was: collect it, judge whether it is plausible and settled, and feed the selector.

What is decided from it belongs in `decision`.
"""
