"""STS and IAM: who calls, and what they may do.

The wording of refusals belongs in `sandbox.errors`.
"""
