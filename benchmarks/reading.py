"""What reading metrics costs, and what reading them less often loses: `python benchmarks/reading.py [--layers] [--price USD]`.

It replays every trace with each minute read and with the schedule of `cloudwatch-lambda`, scores the decisions by the referee
(relative to on-demand alone, as in `benchmarks/quality.py`), and prints the bill of a pool's reads per month of 730 h. A pool
without demand has a trace of its own. Metrics of the region, which all its pools share, are not included.
"""

import argparse
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from metric_delay import options, referee_at
from quality import FEWEST, PRICES

from adapters.demand.history_file import open_history
from adapters.kinds import policy_kinds
from adapters.ports.read_prices import LAMBDA
from config.loading.loader import load_policy
from config.model.policy import Policy
from controller.backtest.replay import carry_out_layers, propose
from controller.decision.costs.cost_model import terms_of
from controller.demand.reading.intervals import UNWANTED
from forecasting.demand import DemandSeries

MONTH = 730 * 60


class Row(NamedTuple):
    """Result of one trace: relative cost with each minute read and with the schedule, and its reads in USD a month."""

    full: float
    adaptive: float
    usd: float


def policy_at(referee: Any, terms: Any, layers: bool, folder: Path) -> Policy:
    """Return the referee's policy."""
    text = referee.POLICY.format(cost=terms.cold_start_cost_usd, init=terms.init_seconds, delay=terms.metric_delay,
                                 lead=terms.lead_time, keep=terms.keep_alive)
    path = folder / "policy.yaml"
    path.write_text(referee.with_layers(text) if layers else text)
    return load_policy(path, policy_kinds())


def costs_of(arguments: argparse.Namespace, policy: Policy, price: float, trace: Path) -> Row | None:
    """Return the result of one trace; None if it has too few cold starts on demand."""
    referee = referee_at(arguments.referee)
    judged, terms = referee.read_demand(trace), referee.Terms(cold_start_cost_usd=price)
    start = referee.warm_up(judged, None)
    nothing = referee.score(judged, np.zeros(len(judged)), terms, start)
    if nothing["cold_starts"] < FEWEST:
        return None
    pool, demand = policy.pools[0], open_history(trace).series
    own = terms_of(pool, policy.assume)
    proposals = propose(demand, own)
    done = [carry_out_layers(pool, demand, proposals, each, policy.assume, explained=False)
            for each in (replace(own, reads=None), own)]
    relative = [referee.score(judged, each.target.astype(float), terms, start, each.pinged)["cost_usd"] / nothing["cost_usd"]
                for each in done]
    usd = done[1].read_usd
    return Row(*relative, 0.0 if usd is None else float(usd[start:].mean()) * MONTH)


def usd_of_sleep(policy: Policy) -> float:
    """Return the reads of a pool without demand in USD a month, once it sleeps."""
    pool, rows = policy.pools[0], np.zeros(UNWANTED + 2 * 1440, np.float32)
    own, demand = terms_of(pool, policy.assume), DemandSeries(29_000_160, rows, rows.copy(), rows.copy())
    usd = carry_out_layers(pool, demand, propose(demand, own), own, policy.assume, explained=False).read_usd
    return 0.0 if usd is None else float(usd[UNWANTED + 1440 :].mean()) * MONTH


def main() -> None:
    import tempfile

    arguments = options(__doc__)
    referee, traces = referee_at(arguments.referee), sorted(arguments.traces.glob("*.csv.gz"))
    print(f"each minute: {LAMBDA.each_minute * MONTH * LAMBDA.usd:.2f} USD per pool and month")
    print("| cold-start cost | each minute | schedule | highest loss | reads: median | mean | highest | a pool without demand |")
    print("|---" * 8 + "|")
    with ProcessPoolExecutor(arguments.jobs) as workers, tempfile.TemporaryDirectory() as folder:
        for price in arguments.price or PRICES:
            policy = policy_at(referee, referee.Terms(cold_start_cost_usd=price), arguments.layers, Path(folder))
            work: Callable[[Path], Row | None] = partial(costs_of, arguments, policy, price)
            table = np.array([row for row in workers.map(work, traces) if row is not None])
            full, adaptive, usd = table.T
            print(f"| {price} USD | {full.mean():.4f} | {adaptive.mean():.4f} | {(adaptive - full).max():.3f} | "
                  f"{np.median(usd):.2f} USD | {usd.mean():.2f} USD | {usd.max():.2f} USD | "
                  f"{usd_of_sleep(policy):.3f} USD |", flush=True)


if __name__ == "__main__":
    main()
