"""What each next avoided cold start costs: a backtest of the pools of a demo under several objectives."""

from collections.abc import Mapping

from config.model.policy import Policy
from controller.backtest.frontier import summed
from controller.backtest.objective_replays import frontier_of
from controller.backtest.report.frontier_text import comparison
from controller.decision.costs.baselines import BASELINES
from controller.decision.costs.bill import bill_of, judged_demand, total
from controller.decision.costs.cost_model import CostTerms
from controller.decision.costs.sentences import TARGET_TRACKING
from controller.demo.scenarios import Scenario
from forecasting.demand import MINUTES_PER_DAY, minute_of

DAYS, WARM_UP_DAYS = 8, 4
"""Days of history that are replayed; the first of them only train the rules."""


def price_curve_sentence(policy: Policy, scene: Scenario, terms_by_pool: Mapping[str, CostTerms]) -> str:
    """Return Stoker's bill at the cold starts of AWS target tracking, and its cold starts at that bill, on the days before.

    Empty where the history is shorter than `DAYS`.
    """
    frontiers, tracked, end = [], [], minute_of(scene.start)
    series_by_pool = {pool.name: pool.series for pool in scene.pools}
    first = end - DAYS * MINUTES_PER_DAY
    if any(series.first_minute > first for series in series_by_pool.values()):
        return ""
    for pool in policy.pools:
        terms, demand = terms_by_pool[pool.name], series_by_pool[pool.name].window(first, end)
        load = judged_demand(demand, WARM_UP_DAYS * MINUTES_PER_DAY)
        tracked.append(bill_of(load, BASELINES[TARGET_TRACKING](load, terms), terms))
        frontiers.append(frontier_of(pool, demand, terms, policy.assume, load, tracked[-1])[1])
    sentence = comparison(summed(frontiers), TARGET_TRACKING, total(tracked))
    return f"Backtest of the {DAYS - WARM_UP_DAYS} days before. {sentence}"
