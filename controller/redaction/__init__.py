"""Removal of secrets from texts.

No I/O, except that `process_secrets` checks whether a path exists. The format of log lines belongs in `telemetry`.
"""
