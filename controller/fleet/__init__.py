"""The tick over all pools: read, plan within limits, write.

What a plan is belongs in `decision.planning`. Start and shutdown of the process belong in `daemon`.
"""
