"""Handlers of the HTTP API, one module per path.

Code that several handlers share belongs in `controller.http`.
"""
