"""Emulator of Amazon CloudWatch: operations that read metrics.

The publication of metrics belongs in `sandbox.traffic`.
"""
