"""Timeout of all waits in tests."""

PATIENCE_SECONDS = 600
"""Only stops a test that would hang. A test waits for a condition and never for time to pass: no result depends on this value or
the speed of the machine.
"""
