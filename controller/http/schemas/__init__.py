"""Types of the bodies that the HTTP API returns and takes; `/openapi.json` is generated from them.

What fills them belongs in `handlers` and `published_state`.
"""
