"""Amazon DynamoDB, as far as a lease needs it.

Nothing else is stored here.
"""
