"""Announced events: their windows, the effect of past ones, and the demand they add. Pure.

Reading stored history for them belongs in `demand`.
"""
