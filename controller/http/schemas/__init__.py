"""Types of the response bodies of the HTTP API; `/openapi.json` is generated from them.

Code that fills them belongs in `handlers`, `tick_bodies` and `status_entries`.
"""
