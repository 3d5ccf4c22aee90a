"""Overrides and prewarm requests in a running daemon: parse, store, expire.

How an override changes a plan belongs in `controller.decision.planning`.
"""
