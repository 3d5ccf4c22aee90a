"""Commands that show what Stoker would do: backtest, forecast, demo, sandbox.

Modules here contain only options and output; their work belongs in `backtest`, `forecasts` and `demo`.
"""
