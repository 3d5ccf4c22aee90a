"""Accuracy of the warm-hit objective: `python benchmarks/hit_rate.py [TRACES]`. 3 rates on each trace, after the warm-up.

A trace counts for a rate if the rate without warm capacity is lower.
"""

import sys
from datetime import timedelta
from pathlib import Path

import numpy as np

from adapters.demand.history_file import read_history
from controller.backtest.replay import propose
from controller.decision.costs.bill import bill_of, judged_demand
from controller.decision.costs.cost_model import CostTerms
from forecasting.demand import MINUTES_PER_DAY

SHARED = Path(__file__).resolve().parents[2] / "shared"
RATES = (0.9, 0.99, 0.999)
HALF_A_POINT = 0.005
GIGABYTE_MINUTE = timedelta(minutes=1).total_seconds()


def terms(rate: float) -> CostTerms:
    return CostTerms(idle=4.1667e-6 * GIGABYTE_MINUTE, warm_busy=9.7222e-6 * GIGABYTE_MINUTE,
                     on_demand=1.66667e-5 * GIGABYTE_MINUTE,
                     init_seconds=8.0, cold_start_cost_usd=0.05, metric_delay=2, lead_time=2, keep_alive=6, warm_hit_rate=rate)


def main() -> None:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else SHARED / "traces"
    held: dict[float, list[float]] = {rate: [] for rate in RATES}
    for path in sorted(folder.glob("*.csv.gz")):
        demand = read_history(path)
        load = judged_demand(demand, (4 if len(demand) >= 8 * MINUTES_PER_DAY else 3) * MINUTES_PER_DAY)
        for rate in RATES:
            objective = terms(rate)
            nothing = bill_of(load, np.zeros(len(load), np.int64), objective).warm_hit_rate
            if nothing is None or nothing >= rate:
                continue
            target = np.zeros(len(load), np.int64)
            target[objective.metric_delay :] = propose(demand, objective).target[: -objective.metric_delay]
            held[rate].append((bill_of(load, target, objective).warm_hit_rate or 0.0) - rate)
            print(f"{path.name:32s} objective {rate}: without warm capacity {nothing:.4f}, "
                  f"with Stoker {held[rate][-1] + rate:.4f}", file=sys.stderr)
    print("| objective | traces | within 0.5 points | furthest below | furthest above |\n|---|---|---|---|---|")
    for rate, errors in held.items():
        within = sum(abs(error) <= HALF_A_POINT for error in errors)
        print(f"| {rate} | {len(errors)} | {within} | {min(errors, default=0):+.4f} | {max(errors, default=0):+.4f} |")


if __name__ == "__main__":
    main()
