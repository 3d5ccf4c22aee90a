"""How well a warm-hit rate is held: `python benchmarks/hit_rate.py [TRACES]`. Three rates on each trace, after the warm-up.

A trace counts where doing nothing stays below the rate asked for: elsewhere nothing needs holding.
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
            asked = terms(rate)
            nothing = bill_of(load, np.zeros(len(load), np.int64), asked).warm_hit_rate
            if nothing is None or nothing >= rate:
                continue
            target = np.zeros(len(load), np.int64)
            target[asked.metric_delay :] = propose(demand, asked).target[: -asked.metric_delay]
            held[rate].append((bill_of(load, target, asked).warm_hit_rate or 0.0) - rate)
            print(f"{path.name:32s} asked {rate}: nothing {nothing:.4f}, held {held[rate][-1] + rate:.4f}", file=sys.stderr)
    print("| rate asked for | traces | within half a point | furthest below | furthest above |\n|---|---|---|---|---|")
    for rate, errors in held.items():
        within = sum(abs(error) <= HALF_A_POINT for error in errors)
        print(f"| {rate} | {len(errors)} | {within} | {min(errors, default=0):+.4f} | {max(errors, default=0):+.4f} |")


if __name__ == "__main__":
    main()
