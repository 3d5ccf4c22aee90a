"""Demand that applications, gateways and sidecars report themselves, without a metric delay."""
