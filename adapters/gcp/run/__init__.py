"""Cloud Run: minimum instances as a lever, and the control plane that its pools share.

Code that reads demand from metrics belongs in `gcp.monitoring`.
"""
