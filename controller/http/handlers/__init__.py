"""Handlers of the HTTP API, one module a path.

What many handlers share belongs in `controller.http`.
"""
