"""The report of a backtest: one page that needs no network and says in ten seconds what it came to."""
