"""Application Auto Scaling: policies of others, and the scheduled fallback.

It is no lever.
"""
