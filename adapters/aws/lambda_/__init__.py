"""AWS Lambda: provisioned concurrency and pings as levers, and the control plane they share.

Metrics belong in `aws.cloudwatch`.
"""
