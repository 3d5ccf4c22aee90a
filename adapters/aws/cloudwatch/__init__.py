"""Amazon CloudWatch: the metrics of Lambda as demand.

What sets capacity belongs in the package of its service.
"""
