"""What leading signals save, by the referee: `python benchmarks/leads.py [--lies] [--seeds N] [--traces DIR] [--referee FILE]`.

Scenes with a signal that runs ahead (`lead_scenes.py`): a planner that calls five tools, and a queue before its workers. Each
pool is replayed without its signal, with it at two delays, and, as a control, with the signal of an independent run of the scene.
Costs are relative to on-demand alone, as in `benchmarks/quality.py`; means over pools and seeds, and the highest for the control.

With `--lies`, wrong signals on every fifth trace instead: made from a signal that has the demand of the trace 6 min earlier.
"""

import argparse
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import ModuleType

import numpy as np
from lead_scenes import Scene, fan_out, queue, slow_fan_out
from metric_delay import referee_at
from quality import PRICES, SHARED

from adapters.demand.history_file import open_history
from config.model.lever import LeverSettings
from config.model.policy import Assume, Objective, PoolPolicy
from controller.backtest.lead_replay import LeadHistory, with_leads
from controller.backtest.proposals import Proposals
from controller.backtest.replay import carry_out, propose_each
from controller.decision.costs.cost_model import CostTerms, terms_of
from forecasting.demand import DemandSeries
from tests.controller.decision.selection.leads.lies import LIES

DELAYS = (2, 1)
SCENES: dict[str, tuple[Callable[[int], Scene], int]] = {
    "fan-out, calls after 0.5 to 3 min": (fan_out, 2), "the same, units ready after 1 min": (fan_out, 1),
    "fan-out, calls after 3 to 8 min": (slow_fan_out, 2), "queue, dispatched every 5 min": (queue, 2),
}
"""Scenes, with the lead time of their pools in minutes."""

POLICY = PoolPolicy(name="pool", lever=LeverSettings(kind="lambda-provisioned-concurrency"), max=100_000, memory_mb=1024,
                    init_seconds=8.0, objective=Objective(cold_start_cost_usd=0.05))
WARM_UP = 4 * 1440
AHEAD = 6
"""Minutes by which the signals of traces precede demand."""


def leads_of(scene: Scene, delay: int) -> list[LeadHistory]:
    """Return the signals of a scene as histories."""
    signals = [DemandSeries(next(iter(scene.demand.values())).first_minute, values, values, values)
               for values in scene.signals.values()]
    return [LeadHistory(series, delay) for series in signals]


def relative_cost(referee: ModuleType, demand: DemandSeries, proposals: Proposals, terms: CostTerms, assume: Assume) -> float:
    """Return the referee's cost of proposals as the planner carries them out."""
    target = carry_out(POLICY, demand, proposals, terms, assume, explained=False).target
    peak, busy, invocations = (np.nan_to_num(values) for values in (demand.peak, demand.busy, demand.invocations))
    judged = referee.Demand([""] * len(demand), np.ceil(peak).astype(int), busy, invocations, demand.known)
    prices = referee.Terms(cold_start_cost_usd=terms.cold_start_cost_usd, lead_time=terms.lead_time)
    cost, nothing = (referee.score(judged, each, prices, WARM_UP)["cost_usd"] for each in (target, np.zeros(len(demand))))
    return float(cost / nothing)


def pool_costs(referee: ModuleType, demand: DemandSeries, variants: list[list[LeadHistory]],
               lead_time: int = 2) -> list[list[float]]:
    """Return the cost of a pool by price of a cold start, and by variant of its signals."""
    assume = Assume(lead_time=timedelta(minutes=lead_time))
    usual = terms_of(POLICY, assume)
    terms = [replace(usual, cold_start_cost_usd=price) for price in PRICES]
    without = propose_each(demand, terms)
    return [[relative_cost(referee, demand, with_leads(each, demand, one, leads), one, assume) for leads in variants]
            for each, one in zip(without, terms, strict=True)]


def scenes(referee: ModuleType, seeds: int) -> None:
    """Print the table of the scenes."""
    late = " | ".join(f"signal {delay} min late" for delay in DELAYS)
    print(f"| scene | cold-start cost | without signal | {late} | control | control, highest excess |")
    print("|---" * (5 + len(DELAYS)) + "|")
    for name, (make, lead_time) in SCENES.items():
        costs = []
        for seed in range(1, seeds + 1):
            scene, other = make(seed), make(seed + 1000)
            variants = [[], *(leads_of(scene, delay) for delay in DELAYS), leads_of(other, DELAYS[-1])]
            costs += [pool_costs(referee, demand, variants, lead_time) for pool, demand in scene.demand.items()
                      if pool not in scene.signals]
        each = np.array(costs)
        for at, price in enumerate(PRICES):
            means = " | ".join(f"{cost:.3f}" for cost in each[:, at].mean(axis=0))
            print(f"| {name} | {price} USD | {means} | {(each[:, at, -1] - each[:, at, 0]).max():+.3f} |", flush=True)


def lies_on_traces(referee: ModuleType, traces: list[Path]) -> None:
    """Print the table of wrong signals."""
    costs = []
    for trace in traces:
        demand, rng = open_history(trace).series, np.random.default_rng(1)
        true = np.concatenate((demand.peak[AHEAD:], np.full(AHEAD, np.nan, np.float32)))
        signals = [true, *(lie(np.nan_to_num(true), rng) for lie in LIES)]
        variants = [[], *([LeadHistory(DemandSeries(demand.first_minute, each, each, each), 1)] for each in signals)]
        costs.append(pool_costs(referee, demand, variants))
    each = np.array(costs)
    print(f"{len(traces)} traces")
    print("| signal | " + " | ".join(f"{price} USD, mean change | highest" for price in PRICES) + " |")
    print("|---" * (1 + 2 * len(PRICES)) + "|")
    for at, name in enumerate(["true", *(lie.__name__ for lie in LIES)], 1):
        change = each[:, :, at] - each[:, :, 0]
        cells = " | ".join(f"{change[:, price].mean():+.4f} | {change[:, price].max():+.3f}" for price in range(len(PRICES)))
        print(f"| {name} | {cells} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--referee", type=Path, default=SHARED / "score" / "score.py")
    parser.add_argument("--traces", type=Path, default=SHARED / "traces")
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--lies", action="store_true", help="wrong signals on every fifth trace")
    arguments = parser.parse_args()
    referee = referee_at(arguments.referee)
    if arguments.lies:
        lies_on_traces(referee, sorted(arguments.traces.glob("*.csv.gz"))[::5])
    else:
        scenes(referee, arguments.seeds)


if __name__ == "__main__":
    main()
