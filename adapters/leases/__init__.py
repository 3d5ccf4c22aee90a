"""Stores of the lease that daemons share, other than a provider's.

Who leads is decided in `controller.leadership`.
"""
