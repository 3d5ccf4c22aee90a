"""HTML report of a backtest.

The table in the terminal belongs in `controller.cli.evaluate`.
"""
