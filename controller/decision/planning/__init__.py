"""Turn a proposal into a plan: guardrails, overrides, limits, the stored state of a pool, and reasons. Pure.

What proposes belongs in `selection`; what carries a plan out belongs in `fleet`.
"""
