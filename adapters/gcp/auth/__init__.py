"""Access tokens for Google's APIs.

Connections to the APIs belong in `gcp.clients`.
"""
