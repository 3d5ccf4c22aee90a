"""Cloud Monitoring: metrics of Cloud Run as demand.

Code that sets capacity belongs in `gcp.run`.
"""
