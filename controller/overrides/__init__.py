"""Overrides and prewarm requests in a running daemon: parse, keep, expire.

How an override changes a plan belongs in `decision.planning`.
"""
