"""Whatever a source returns or fails with, the planned target does not fall because of it."""

import asyncio
import math
import tempfile
from datetime import timedelta
from pathlib import Path

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from adapters.ports.demand_source import Telemetry
from adapters.ports.errors import Malformed, NotFound, PermissionDenied, Throttled, Unreachable
from controller.decision.costs.cost_model import CostTerms
from controller.decision.planning.guardrails import GUARDRAILS
from controller.decision.planning.observation import CapacityView, Observation
from controller.decision.planning.planner import make_plan
from controller.decision.planning.pool_state.state import PoolState
from controller.demand.collector import DemandCollector
from controller.demand.pool_group import Budget, PoolGroup
from controller.store.async_store import AsyncStore
from controller.store.state_store import Store
from forecasting.demand import DemandSeries, minute_of
from tests.builders import NOON, capacity, pool_policy
from tests.fakes import FakeSource

TERMS = CostTerms(1e-3, 1.5e-3, 3e-3, 8.0, 0.001, metric_delay=2, lead_time=2, keep_alive=6)
"""Idle units are expensive and cold starts are cheap, so that capacity follows a real fall within minutes."""
MINUTE = timedelta(minutes=1)
USED = 5.0
START, DAYS = minute_of(NOON), timedelta(hours=40)
ERRORS = (Unreachable("down"), Throttled("slow down"), PermissionDenied("no"), NotFound("gone"), Malformed("garbled"))
IMPOSSIBLE = (math.nan, -1.0, -math.inf, math.inf, 1e12)

faults = st.fixed_dictionaries({
    "raises": st.sampled_from((None, None, *ERRORS)),
    "error": st.sampled_from((None, *ERRORS)),
    "alive": st.sampled_from((None, False, True)),
    "value": st.sampled_from(IMPOSSIBLE),
    "column": st.sampled_from(("all", "peak", "busy", "invocations")),
    "hidden": st.integers(0, 14),
    "absent": st.booleans(),
    "cut": st.booleans(),
    "quiet": st.sampled_from(("", "nothing has run")),
})
"""What is wrong with one answer: it raises, or its newest `hidden` minutes have impossible values, are zeros that no point proves
(`absent`), or are `cut` off. A silence that is proved for more than 15 min is idleness and no fault.
"""

HARMLESS = {"raises": None, "error": None, "alive": None, "value": math.nan, "column": "all", "hidden": 0, "absent": False,
            "cut": False, "quiet": ""}


class Faulty(FakeSource):
    """A pool that has been busy for 90 min, as in 90 of every 240 min before, and whose answers have a fault."""

    def __init__(self) -> None:
        super().__init__({"a": lambda minute: USED if minute >= START or (START - minute) % 240 <= 90 else 0.0}, history=DAYS)
        self.fault = None

    async def collect(self, pools, since, until):
        answer = (await super().collect(pools, since, until))["a"]
        return {"a": answer if self.fault is None else faulty(answer, **self.fault)}


def faulty(answer, *, raises, error, alive, value, column, hidden, absent, cut, quiet):
    if raises is not None:
        raise raises
    series = answer.series
    columns = {name: getattr(series, name).copy() for name in ("peak", "busy", "invocations")}
    silent = np.arange(len(series)) >= len(series) - hidden
    for name, values in columns.items():
        if absent:
            values[silent] = 0.0
        elif column in ("all", name):
            values[silent] = value
    out = DemandSeries(series.first_minute, *columns.values())
    if cut:
        out = out.window(out.first_minute, max(out.first_minute, out.end_minute - hidden))
        silent = silent[: len(out)]
    return Telemetry(out, alive if not absent else None, error, absent=silent if absent else None, quiet=quiet)


async def targets(path, given_faults):
    """Return the target before the faults, and those planned while they last, each the capacity of the next tick."""
    store, source = AsyncStore(Store(path)), Faulty()
    group = PoolGroup(DemandCollector(source, ["a"], store, timedelta(minutes=2)), lambda: {"a": TERMS}, Budget(9, 9))
    policy, state, requested, found = pool_policy(name="a", min=0, max=100, scale_down_delay=timedelta(0)), PoolState(), 0, []
    now = NOON
    try:
        for fault in (None, None, None, None, *given_faults):
            source.fault = fault
            await group.gather(now)
            seen = Observation(now, group.view("a", now), CapacityView(capacity(requested, now=now)))
            plan = make_plan(policy, state, seen, GUARDRAILS)
            state, requested = plan.state, plan.target
            found.append(plan.target)
            now += MINUTE
    finally:
        await store.close()
    return found[3], found[4:]


@given(st.lists(faults, min_size=1, max_size=8))
@example([HARMLESS | {"hidden": 14, "absent": True}] * 10)
@example([HARMLESS | {"alive": True, "column": "peak", "hidden": 14}] * 10)
@example([HARMLESS, HARMLESS | {"column": "busy", "hidden": 5}, HARMLESS | {"hidden": 6}])
def test_the_target_never_falls_because_of_what_a_source_returns_or_fails_with(given_faults):
    with tempfile.TemporaryDirectory() as folder:
        before, during = asyncio.run(targets(Path(folder) / "stoker.db", given_faults))

    assert before > 0
    assert min(during) >= before
