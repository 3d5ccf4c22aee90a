"""Warmers in histories and sources: reported, or left out if the policy names them."""

from datetime import timedelta

import numpy as np
import pytest

from adapters.ports.demand_source import Telemetry
from adapters.ports.diagnostics import Verdict
from adapters.ports.errors import Unreachable
from adapters.runtime.clock import ManualClock
from config.model.warmer import Warmer
from controller.demand.collector import DemandCollector
from controller.demand.warmers import demand_of, warmer_findings
from forecasting.demand import DemandSeries, minute_of
from forecasting.warmer import Rhythm
from tests.builders import NOON, pool_policy

MINUTE = timedelta(minutes=1)
WARMER = Warmer.model_validate({"every": "5m", "requests": 3})


def pinged(first, end):
    counts = np.where(np.arange(first, end) % 5 == 0, 3.0, 0.0).astype(np.float32)
    return DemandSeries(first, counts, counts * np.float32(0.1 / 60), counts)


class Source:
    kind = "pinged"

    def __init__(self, error=None):
        self.error, self.asked = error, []

    async def collect(self, pools, since, until):
        if self.error is not None:
            raise self.error
        self.asked.append({name: (until - since[name]) // MINUTE for name in pools})
        return {name: Telemetry(pinged(minute_of(since[name]), minute_of(until)), True) for name in pools}


def test_a_warmer_in_the_policy_is_no_demand_and_is_not_reported():
    whole = pinged(0, 1440)

    assert demand_of(pool_policy(warmer=WARMER), whole)[0].peak.sum() == 0
    assert demand_of(pool_policy(warmer=WARMER), whole)[1] is None
    series, advice = demand_of(pool_policy(), whole)
    assert series is whole
    assert "`warmer: {every: 5m, requests: 3}` in the policy leaves them out" in advice


async def test_doctor_reports_a_warmer_and_nothing_if_the_source_fails():
    clock = ManualClock(NOON)
    (found,) = await warmer_findings(Source(), [pool_policy(), pool_policy(name="b", warmer=WARMER)], clock)

    assert (found.check, found.subject, found.verdict) == ("warmer", "agent", Verdict.WARN)
    assert "3 requests every 5 min" in found.text
    assert await warmer_findings(Source(Unreachable("down")), [pool_policy()], clock) == []


async def test_demand_is_stored_without_the_warmer(store):
    intake = DemandCollector(Source(), ["a", "b"], store, 2 * MINUTE, {"a": Rhythm(5, 3)})
    for minute in range(20):
        await intake.collect(NOON + minute * MINUTE)
    a, b = await store.load_demand(["a", "b"], minute_of(NOON) - 60, minute_of(NOON) + 15)

    assert a.known.all()
    assert a.peak.sum() == a.invocations.sum() == 0
    assert b.invocations.sum() == 15 * 3


async def test_rows_stored_by_other_rules_are_read_again_once(store):
    before = DemandCollector(Source(), ["a", "b"], store, 2 * MINUTE)
    await before.collect(NOON)
    source = Source()
    again = DemandCollector(source, ["a", "b"], store, 2 * MINUTE, {"a": Rhythm(5, 3)}, to_reread=["a"])
    await again.load(NOON)
    for minute in range(1, 5):
        await again.collect(NOON + minute * MINUTE)

    assert [asked["a"] for asked in source.asked] == [16, 14 * 1440, 16, 16]
    assert (again.to_reread, again.rewritten) == ([], True)
    (a,) = await store.load_demand(["a"], minute_of(NOON) - 13 * 1440, minute_of(NOON))
    assert a.known.all()
    assert a.invocations.sum() == 0


async def test_old_false_zeros_are_withdrawn_when_read_again(store):
    first, end = minute_of(NOON) - 5 * 1440, minute_of(NOON)
    nothing = np.zeros(end - first, np.float32)
    await store.save_demand({"a": DemandSeries(first, nothing, nothing, nothing)})

    class Silent(Source):
        async def collect(self, pools, since, until):
            unknown = {name: DemandSeries.empty(minute_of(since[name]), (until - since[name]) // MINUTE) for name in pools}
            return {name: Telemetry(each, True, absent=np.ones(len(each), bool)) for name, each in unknown.items()}

    again = DemandCollector(Silent(), ["a"], store, 2 * MINUTE, to_reread=["a"])
    await again.load(NOON)
    await again.collect(NOON + MINUTE)
    (kept,) = await store.load_demand(["a"], first, first + 60)
    assert kept.known.all()

    await again.collect(NOON + 2 * MINUTE)
    (left,) = await store.load_demand(["a"], first, end)
    assert not left.known.any()


@pytest.mark.parametrize(("change", "same"), [({}, True), ({"on_quiet_region": "trust"}, False), ({"warmer": WARMER}, False),
                                              ({"max": 7}, True)])
def test_history_is_read_again_when_what_makes_demand_of_metrics_changes(change, same):
    from controller.fleet.builder import read_by

    assert (read_by(pool_policy(**change)) == read_by(pool_policy())) is same
