"""HTTP connections: Host check, limits, and answers to bytes that are not HTTP.

What a request returns belongs in `http.handlers`.
"""
