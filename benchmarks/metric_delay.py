"""What demand without a metric delay saves, by the referee: `python benchmarks/metric_delay.py [--layers] [--price USD]`.

It runs `stoker backtest` on every trace with each metric delay and scores the decisions. CloudWatch is about 2 min late; a minute
that an application reports is known when it ends. Costs are relative to on-demand alone, as in `benchmarks/quality.py`.
"""

import argparse
import importlib.util
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from types import ModuleType

import numpy as np
from quality import FEWEST, PRICES, SHARED

DELAYS = (2, 1, 0)
COMMAND = str(Path(sys.executable).with_name("stoker"))


def referee_at(path: Path) -> ModuleType:
    """Return the referee as a module."""
    spec = importlib.util.spec_from_file_location("referee", path)
    if spec is None or spec.loader is None:
        raise SystemExit(f"{path} is no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules["referee"] = module
    spec.loader.exec_module(module)
    return module


def relative_cost(referee: ModuleType, price: float, delay: int, layers: bool, trace: Path) -> float | None:
    """Return the cost of one trace; None if it has too few cold starts on demand."""
    terms = referee.Terms(cold_start_cost_usd=price, metric_delay=delay)
    demand = referee.read_demand(trace)
    start = referee.warm_up(demand, None)
    nothing = referee.score(demand, np.zeros(len(demand)), terms, start)
    if nothing["cold_starts"] < FEWEST:
        return None
    decisions, _ = referee.run_backtest(COMMAND, trace.resolve(), terms, layers=layers)
    target, pinged = referee.align(decisions, demand)
    return float(referee.score(demand, target, terms, start, pinged)["cost_usd"] / nothing["cost_usd"])


def options(description: str | None) -> argparse.Namespace:
    """Return the options of a benchmark that plays the traces for the referee."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--traces", type=Path, default=SHARED / "traces")
    parser.add_argument("--referee", type=Path, default=SHARED / "score" / "score.py")
    parser.add_argument("--layers", action="store_true", help="provisioned concurrency with pings on top")
    parser.add_argument("--price", type=float, action="append", help="cold-start cost in USD; by default all three")
    parser.add_argument("--jobs", type=int, default=2)
    return parser.parse_args()


def main() -> None:
    arguments = options(__doc__)
    referee, traces = referee_at(arguments.referee), sorted(arguments.traces.glob("*.csv.gz"))
    print(f"| cold-start cost | {' | '.join(f'delay {delay} min' for delay in DELAYS)} |")
    print("|---" * (1 + len(DELAYS)) + "|")
    with ThreadPoolExecutor(arguments.jobs) as pool:
        for price in arguments.price or PRICES:
            means = []
            for delay in DELAYS:
                costs = pool.map(partial(relative_cost, referee, price, delay, arguments.layers), traces)
                means.append(np.mean([cost for cost in costs if cost is not None]))
            print(f"| {price} USD | {' | '.join(f'{mean:.3f}' for mean in means)} |", flush=True)


if __name__ == "__main__":
    main()
