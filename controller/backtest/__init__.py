"""Backtest: decisions and bills of Stoker on recorded demand.

The command belongs in `controller.cli`, prices in `controller.decision.costs`.
"""
