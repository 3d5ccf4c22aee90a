"""Application Auto Scaling: scheduled actions and scaling policies.

It changes functions in `sandbox.aws.lambda_`.
"""
