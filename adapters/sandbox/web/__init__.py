"""Emulated containers behind host names, and their metrics page.

Lambda's environments belong in `sandbox.aws.lambda_`.
"""
