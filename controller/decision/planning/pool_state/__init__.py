"""State that is stored of a pool, and how an observation changes it.

Which target follows from it belongs in `planning.planner` and `planning.guardrails`.
"""
