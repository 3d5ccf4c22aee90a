"""Amazon Web Services: provisioned concurrency of Lambda as a lever, CloudWatch as a demand source."""
