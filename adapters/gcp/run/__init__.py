"""Cloud Run: minimum instances as a lever, and the control plane that its pools share.

Metrics belong in `gcp.monitoring`.
"""
