"""Report on the past days of a daemon, from its store: what Stoker would have done, the outcome, and whether a pool is ready.

It calls no provider. Figures per minute belong in `controller.accounting`, a replay of recorded traffic in `controller.backtest`.
"""
