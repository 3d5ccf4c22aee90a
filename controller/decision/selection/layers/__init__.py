"""Layers of a pool with two levers: units kept by pings above the provisioned ones, chosen together with them. Pure.

Not here: candidates of the base, and the carrying out of either layer (`controller.decision.planning`).
"""
