"""The page that shows a backtest.

The table in the terminal belongs in `cli.evaluate`.
"""
