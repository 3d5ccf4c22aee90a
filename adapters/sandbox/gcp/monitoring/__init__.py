"""Emulator of Cloud Monitoring: the series of Cloud Run.

The services belong in `sandbox.gcp.run`.
"""
