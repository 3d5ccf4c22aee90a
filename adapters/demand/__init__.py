"""Sources of demand that belong to no provider.

Reading the exports of other programs belongs in `adapters.recording`.
"""
