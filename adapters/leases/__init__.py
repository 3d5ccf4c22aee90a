"""Stores of the lease that daemons share, without those of providers. `controller.leadership` decides which daemon leads."""
