"""Commands that show what Stoker would do: backtest, forecast, history, demo, sandbox.

What they do belongs in `backtest`, `forecasts` and `demo`; here are options and output.
"""
