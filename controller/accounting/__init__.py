"""Bill, cold starts and savings of the running daemon, minute by minute.

The cost of a hypothetical series belongs in `decision.costs`.
"""
