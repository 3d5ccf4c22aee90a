"""Announced events: when they are, what past ones brought, and the demand they add. Pure.

Reading stored history for them belongs in `demand`.
"""
