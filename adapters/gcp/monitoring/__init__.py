"""Cloud Monitoring: the metrics of Cloud Run as demand.

What sets capacity belongs in `gcp.run`.
"""
