"""Bill, cold starts and savings of a running daemon, minute by minute.

The cost of a hypothetical series belongs in `controller.decision.costs`.
"""
