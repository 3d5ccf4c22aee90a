"""Results of synthetic traffic for the report's tests."""

from dataclasses import replace

import numpy as np

from config.model.lever import LeverSettings
from config.model.policy import Assume
from controller.backtest.objective_replays import frontier_of
from controller.backtest.replay import replay
from controller.backtest.result import PoolOutcome, judged
from controller.decision.costs import baselines
from controller.decision.costs.bill import judged_demand
from controller.decision.costs.cost_model import CostTerms, Pings, TopTerms
from controller.decision.costs.keep_alive import keep_alive_of
from forecasting.demand import DemandSeries, minute_of
from tests.builders import NOON, pool_policy

TERMS = CostTerms(4.1667e-6 * 60, 9.7222e-6 * 60, 1.66667e-5 * 60, 8.0, 0.05, 2, 2, 6)
LAYERED = replace(TERMS, top=TopTerms(1.3e-6, Pings(0.25, 0.1, 120.0)))
KEEP_ALIVE = keep_alive_of("lambda-provisioned-concurrency", Assume())
MINUTE = np.arange(4 * 1440)
DAILY = np.random.default_rng(2).poisson(8 + 7 * np.sin(MINUTE / 229)).astype(np.float32)


def outcome_of(peak: np.ndarray, name: str = "agent", start: int = 0, frontier: bool = False,
               terms: CostTerms = TERMS) -> PoolOutcome:
    peak = np.asarray(peak, np.float32)
    demand = DemandSeries(minute_of(NOON), peak, peak / 2, peak * 10)
    load = judged_demand(demand, start)
    peers = baselines.compare(load, terms)
    top = None if terms.top is None else LeverSettings(kind="lambda-ping")
    policy, curve = pool_policy(name=name).model_copy(update={"top": top}), None
    if frontier:
        done, curve = frontier_of(policy, demand, terms, Assume(), load, peers["aws-target-tracking"])
    else:
        done = replay(policy, demand, terms, Assume())
    return replace(judged(done, demand, load, terms, KEEP_ALIVE, peers), frontier=curve)
