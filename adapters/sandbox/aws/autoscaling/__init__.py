"""Emulator of Application Auto Scaling: scalable targets, scheduled actions and scaling policies.

The functions that it changes belong in `sandbox.aws.lambda_`.
"""
