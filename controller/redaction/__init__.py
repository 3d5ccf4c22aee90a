"""Take secrets out of texts.

Pure, except for `process_secrets`, which reads the environment. What a log line looks like belongs in `telemetry`.
"""
