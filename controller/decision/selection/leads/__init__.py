"""Choice by leading signals: what runs ahead of a pool's demand, with a ratio learned on the pool's own past.

Only `controller.demand` and the backtest use this package; the candidates of `selection` do not depend on it.
"""
