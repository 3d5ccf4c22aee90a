"""Emulator of AWS Lambda: functions, environments, provisioned concurrency, and the requests they serve.

Metrics are read through `sandbox.aws.cloudwatch`.
"""
