"""AWS Lambda: provisioned concurrency and pings as levers, and their control plane. Metrics: see `adapters.aws.cloudwatch`."""
