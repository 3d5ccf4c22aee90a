"""Emulator of Amazon DynamoDB, limited to what the lease of a leader uses."""
