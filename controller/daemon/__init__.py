"""Lifecycle of the process: start, schedule, failover, shutdown, and release without a daemon.

What happens in a tick belongs in `fleet`.
"""
