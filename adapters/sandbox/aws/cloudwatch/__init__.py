"""Amazon CloudWatch: the operations that read metrics.

What is published when belongs in `sandbox.traffic`.
"""
