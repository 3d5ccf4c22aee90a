"""Amazon DynamoDB: store of the lease that several daemons share. `controller.leadership` decides which daemon leads."""
