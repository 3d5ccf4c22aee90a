"""Processor time and memory of a planning tick for many pools: `python benchmarks/tick.py [--layers] [pools] [minutes]`.

With `--layers` every pool has pings above its base, which are planned after it.
"""

import resource
import sys
import time
from dataclasses import replace

import numpy as np

from adapters.ports.lever import Capacity, Phase
from config.model.lever import LeverSettings
from config.model.policy import PoolPolicy
from controller.decision.costs.cost_model import CostTerms, Pings, TopTerms
from controller.decision.planning.guardrails import GUARDRAILS
from controller.decision.planning.layers import view_of_top
from controller.decision.planning.observation import CapacityView, DataFreshness, DemandView, Observation, Proposal
from controller.decision.planning.planner import make_plan
from controller.decision.planning.pool_state.state import PoolState
from controller.decision.selection.selector import CandidateSelector
from forecasting.demand import instant_of

FIRST = 29_000_160
TERMS = CostTerms(idle=2.5e-4, warm_busy=5.8e-4, on_demand=1e-3, init_seconds=8.0, cold_start_cost_usd=0.05,
                  metric_delay=2, lead_time=2, keep_alive=6)


def main() -> None:
    layered, numbers = "--layers" in sys.argv, [int(each) for each in sys.argv[1:] if each.isdigit()]
    pools, minutes = (*numbers, *(10_000, 65)[len(numbers) :])
    pings = Pings(a_minute=0.25, seconds=0.1, lasting_minutes=120.0)
    terms = replace(TERMS, top=TopTerms(1.6e-6, pings)) if layered else TERMS
    rng = np.random.default_rng(1)
    scale = rng.lognormal(1, 1, (pools, 1)).astype(np.float32)
    selector = CandidateSelector([terms] * pools)
    policies = [PoolPolicy.model_construct(name=f"pool-{at}", lever=LeverSettings.model_construct(kind="x"), mode="shadow", min=0,
                                           max=1000, schedules=(), on_missing_metrics="hold", scale_down_delay=None,
                                           max_step_up=None, max_step_down=None, budget_usd_per_month=None,
                                           on_foreign_write="yield") for at in range(pools)]
    states, choosing, planning = [PoolState()] * pools, [], []
    for at in range(minutes):
        peak = rng.poisson(scale).astype(np.float32)
        start = time.process_time()
        choice = selector.advance(peak, peak * np.float32(0.5), 10 * peak, FIRST + at)
        bases = selector.bases()
        between = time.process_time()
        now = instant_of(FIRST + at)
        capacity = Capacity(0, 0, Phase.READY, now)
        for row, policy in enumerate(policies):
            proposal = Proposal(float(choice.target[row, -1]), "rule", bool(choice.trusted[row, -1]), bases[row])
            demand = DemandView(DataFreshness.FRESH, settled=True, proposal=proposal)
            observation = Observation(now, demand, CapacityView(capacity))
            plan = make_plan(policy, states[row], observation, GUARDRAILS)
            states[row] = plan.state
            if terms.top is not None:
                above = view_of_top(demand, plan, (policy.min, policy.max), terms.top.lost_share)
                make_plan(policy, PoolState(), replace(observation, demand=above), GUARDRAILS)
        choosing.append(between - start)
        planning.append(time.process_time() - between)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    for name, spans in (("selection", choosing), ("planning", planning)):
        print(f"{name}: median {np.median(spans):.2f} s, maximum {max(spans):.2f} s per tick of {pools} pools")
    print(f"peak memory {memory:.0f} MB")


if __name__ == "__main__":
    main()
