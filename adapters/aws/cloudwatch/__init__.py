"""Amazon CloudWatch: demand from the metrics of Lambda. What sets capacity is in the package of its service."""
