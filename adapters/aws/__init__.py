"""Amazon Web Services: levers of Lambda, CloudWatch as a demand source, and DynamoDB as a lease store."""
