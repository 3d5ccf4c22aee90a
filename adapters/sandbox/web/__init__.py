"""Containers behind host names, and their page of counters.

Lambda's environments belong in `sandbox.aws.lambda_`.
"""
