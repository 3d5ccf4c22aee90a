"""Metrics for Prometheus: their catalogue, and the values of each."""
