"""Emulator of Cloud Run: services, instances, and the requests they serve.

Metrics belong in `sandbox.gcp.monitoring`.
"""
