"""Costs of capacity and traffic: prices, bills, keep-alive, and baselines to compare with. Pure.

The choice of capacity belongs in `selection`. The ledger of a running daemon belongs in `accounting`.
"""
