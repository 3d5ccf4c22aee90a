"""Cold starts during pings in the ledger: those of the backtest for the same minutes, and none for other levers."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from controller.accounting.figures import FIGURES, figures
from controller.accounting.ledger import NAMES, GroupLedger
from controller.decision.costs.bill import cold_starts_during_pings, cold_starts_of, judged_demand
from controller.decision.costs.cost_model import CostTerms, Pings
from forecasting.demand import DemandSeries, minute_of
from tests.builders import NOON

MINUTES, UNITS = 120, 9
PINGED = CostTerms(0.0, 0.0, 10.0, 60.0, 5.0, 2, 1, 20, stay_warm=True, pings=Pings(0.25, 1.0, 120.0))


def demand() -> DemandSeries:
    rng = np.random.default_rng(5)
    peak = rng.poisson(4, MINUTES) + 2.0
    return DemandSeries(minute_of(NOON), *(each.astype(np.float32) for each in (peak, peak / 3, peak * 12)))


def counted(*terms: CostTerms) -> dict[str, list[float]]:
    """Sums of a ledger in which all pools have the same traffic and 9 ready units."""
    names, series = [f"pool-{at}" for at in range(len(terms))], demand()
    ledger = GroupLedger(names, {}, {}, NOON)
    for minute in range(MINUTES):
        ledger.ready(np.full(len(names), UNITS, np.float32), NOON + minute * timedelta(minutes=1))
    rows = (np.tile(each, (len(names), 1)) for each in (series.peak, series.busy, series.invocations))
    ledger.settle(minute_of(NOON), *rows, terms)
    return dict(zip(NAMES, ledger.today.T.tolist(), strict=True))


def test_the_ledger_counts_those_of_the_backtest_and_their_cost():
    sums, plain = counted(PINGED), counted(replace(PINGED, pings=None))
    load = judged_demand(demand())
    expected = cold_starts_during_pings(load, np.full(MINUTES, UNITS), PINGED).sum()
    assert cold_starts_of(load, np.full(MINUTES, UNITS), 20, stay_warm=True).sum() < UNITS + 10

    assert expected > 3
    assert sums["cold_starts_during_pings"] == pytest.approx([expected], rel=0.02)
    added = sums["cold_starts"][0] - plain["cold_starts"][0]
    assert added == pytest.approx(sums["cold_starts_during_pings"][0])
    assert sums["cold_start_cost_usd"][0] - plain["cold_start_cost_usd"][0] == pytest.approx(added * 5.0)
    assert sums["bill_usd"][0] - plain["bill_usd"][0] == pytest.approx(added * 10.0)
    assert sums["cold_starts_without_stoker"] == plain["cold_starts_without_stoker"]


def test_pools_with_other_pings_and_other_levers_have_their_own_figures():
    short = replace(PINGED, pings=Pings(0.25, 0.1, 120.0))
    mixed = counted(short, replace(PINGED, pings=None), PINGED)["cold_starts_during_pings"]

    assert mixed == [*counted(short)["cold_starts_during_pings"], 0.0, *counted(PINGED)["cold_starts_during_pings"]]
    assert 0 < mixed[0] < mixed[2]


def test_the_figures_of_today_have_them():
    sums = np.zeros((1, len(NAMES)))
    sums[0, NAMES.index("cold_starts_during_pings")] = 4.5
    [row] = figures(sums, sums, NOON.date())
    shown = dict(zip(FIGURES, row, strict=True))
    assert shown["cold_starts_during_pings_today"] == 4.5
