"""Prometheus, and servers with its HTTP API, as a demand source."""
