"""Amazon DynamoDB: the lease that daemons share.

Who leads is decided in `controller.leadership`.
"""
