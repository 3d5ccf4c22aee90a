"""Report of functions and containers."""

import json

import numpy as np
import pytest

from adapters.sandbox.report import PRICES, REQUEST_USD, report_of
from forecasting.demand import DemandSeries, minute_of
from tests.adapters.sandbox.conftest import NOON, flat


async def test_without_warm_capacity_both_twins_cost_the_same(make_world) -> None:
    peak = np.array([0, 0, 4, 0, 0, 0, 0, 0, 0, 0] * 6, np.float32)
    world = await make_world(history=DemandSeries(minute_of(NOON), peak, peak / 4, peak))
    await world.pass_time(minutes=60)
    total = report_of(world.sandbox, cold_start_cost_usd=0.05).total
    assert (total.minutes, total.invocations) == (60, 24)
    assert total.cold_starts == total.cold_starts_without == 24
    assert total.cost_usd == pytest.approx(total.cost_without_usd)
    on_demand = PRICES["x86_64"].on_demand
    assert total.cost_usd == pytest.approx(6 * 60 * on_demand + 24 * (8 * on_demand + 0.05) + 24 * REQUEST_USD)
    assert total.warm_hit_rate == 0


async def test_warm_capacity_avoids_cold_starts_and_is_billed_in_five_minute_steps(make_world) -> None:
    peak = np.array([0] * 10 + [4] * 6, np.float32)
    world = await make_world(history=DemandSeries(minute_of(NOON), peak, peak / 2, peak))
    await world.provision(3)
    await world.pass_time(minutes=16)
    await world.aws("lambda", "delete_provisioned_concurrency_config", FunctionName="agent", Qualifier="live")
    await world.pass_time(minutes=4)
    report = report_of(world.sandbox, cold_start_cost_usd=0.05)
    (agent,) = report.functions
    assert agent.cold_starts < 4 <= agent.cold_starts_without
    assert agent.billed_unit_minutes == 3 * 20
    assert 3 * 13.5 < agent.ready_unit_minutes < 3 * 15
    assert agent.provisioned_usd == pytest.approx(3 * 20 * 60 * PRICES["x86_64"].idle)
    assert agent.cost_usd < agent.cost_without_usd
    assert agent.warm_hit_rate == pytest.approx(1 - agent.cold_starts / 24)
    assert json.loads(json.dumps(report.as_json()))["functions"][0]["cold_starts"] == agent.cold_starts


async def test_environments_warm_from_the_history_are_warm_at_the_start(make_world) -> None:
    world = await make_world(history=flat(3, 60, 60))
    await world.pass_time(minutes=30)
    assert report_of(world.sandbox).total.cold_starts_without == 0


async def test_the_same_seed_gives_the_same_run(make_world) -> None:
    reports = []
    for seed in (7, 7, 8):
        world = await make_world(seed=seed, history=flat(3, 60, 600))
        await world.provision(2)
        await world.pass_time(minutes=90)
        reports.append(report_of(world.sandbox))
    assert reports[0] == reports[1]
    assert reports[0].total.ready_unit_minutes != reports[2].total.ready_unit_minutes
