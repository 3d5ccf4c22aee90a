"""Announced events over days of traffic, decided minute by minute as the daemon does."""

from datetime import timedelta

import numpy as np
import pytest

from config.model.event import Event
from config.model.policy import Assume, Objective
from controller.backtest.replay import Replay, replay
from controller.decision.costs.cost_model import terms_of
from controller.decision.planning.reason_codes import ReasonCode
from forecasting.demand import MINUTES_PER_DAY, DemandSeries, minute_of
from tests.builders import NOON, pool_policy

MONDAY = minute_of(NOON) // MINUTES_PER_DAY * MINUTES_PER_DAY
DAY, LEAD, DELAY = 4, 2, 2
LAUNCH = {"name": "launch", "start": "2026-03-06T12:00", "duration": "2h", "factor": 8}


def at(hour: int, minute: int = 0, day: int = DAY) -> int:
    """A row of the history."""
    return day * MINUTES_PER_DAY + hour * 60 + minute


SHORT = Assume(keep_alive=timedelta(minutes=6))
"""With a long keep-alive users warm so much themselves that events change little."""


def traffic(days: int = 6, raised: tuple[tuple[int, int, float], ...] = ((at(12), at(14), 8.0),), seed: int = 1) -> DemandSeries:
    """A working day's shape with arrivals by chance; between two rows, so many times of it."""
    rows = np.arange(days * MINUTES_PER_DAY)
    level = 4 + 4 * np.sin((rows % MINUTES_PER_DAY - 480) / MINUTES_PER_DAY * 2 * np.pi).clip(0)
    for first, end, times in raised:
        level[first:end] *= times
    peak = np.random.default_rng(seed).poisson(level).astype(np.float32)
    return DemandSeries(MONDAY, peak, np.minimum(peak, level.astype(np.float32) * 0.6), peak * 2)


def decide(demand: DemandSeries, *events: dict[str, object], assume: Assume = Assume(), **changes: object) -> Replay:  # noqa: B008
    policy = pool_policy(events=tuple(Event.model_validate(each) for each in events),
                         objective=Objective(cold_start_cost_usd=0.05), **changes)
    return replay(policy, demand, terms_of(policy, assume), assume)


def said(done: Replay, row: int) -> str:
    """The event's part of the reasons in force at a row."""
    reasons = next(reasons for since, reasons in reversed(done.reasons) if since <= row)
    return next((each.text for each in reasons if each.code is ReasonCode.EVENT), "")


@pytest.fixture(scope="module")
def launch() -> tuple[DemandSeries, Replay, Replay]:
    """Traffic with a launch, decided with the announcement and without."""
    demand = traffic()
    return demand, decide(demand, LAUNCH, assume=SHORT), decide(demand, assume=SHORT)


def test_a_launch_at_noon_has_capacity_ready_before_noon(launch):
    _, told, untold = launch

    assert told.target[at(12) - LEAD - 1] >= 60, "asked for a lead time before, so ready as it begins"
    assert untold.target[at(12) - 1] < 20
    assert told.target[at(12) - LEAD - 2] == untold.target[at(12) - LEAD - 2], "and not sooner"
    assert "launch (Fri 12:00 to Fri 14:00 UTC) is expected to bring 8 times the usual" in said(told, at(12) - 3)


def test_a_launch_has_fewer_cold_starts_and_scales_in_earlier_than_the_maximum_of_the_last_hour(launch):
    demand, told, untold = launch
    waits = [np.maximum(0, demand.peak[at(12) : at(12, 10)] - np.roll(done.target, LEAD)[at(12) : at(12, 10)]).sum()
             for done in (told, untold)]

    assert waits[0] < 0.1 * waits[1]
    assert told.target[at(14) - 1] >= demand.peak[at(13) : at(14)].max() * 0.9
    assert told.target[at(14, 20)] < 25
    assert untold.target[at(14, 20)] > 60


def test_a_launch_is_not_expected_again_the_day_after(launch):
    _, told, untold = launch

    assert told.target[at(11, 30, DAY + 1) : at(14, 30, DAY + 1)].mean() < 0.9 * untold.target[
        at(11, 30, DAY + 1) : at(14, 30, DAY + 1)].mean()


def test_a_launch_never_raises_the_target_above_the_ceiling():
    done = decide(traffic(), LAUNCH | {"factor": 500}, max=30)

    assert done.target.max() == 30


def test_no_decision_uses_later_events(launch):
    demand, told, _ = launch
    cut = at(13)
    early = decide(demand.window(demand.first_minute, demand.first_minute + cut), LAUNCH, assume=SHORT)

    assert early.target.tolist() == told.target[:cut].tolist()


def test_demand_above_the_announcement_is_met_and_a_late_event_keeps_capacity():
    demand = traffic(raised=((at(12), at(15), 16.0),))
    done = decide(demand, LAUNCH, max=400)

    assert done.target[at(13)] >= demand.peak[at(12, 30) : at(12, 55)].max()
    assert done.target[at(14, 20) : at(14, 55)].min() > 80
    assert done.target[at(16, 30)] < 40


def test_missing_metrics_before_a_launch_do_not_cancel_it_and_during_it_do_not_lower_capacity():
    demand = traffic()
    demand.peak[at(11) : at(13)] = np.nan
    done = decide(demand, LAUNCH)

    assert done.target[at(12) - LEAD - 1] >= 60
    assert done.target[at(12) : at(13)].min() >= 60


def office(share: float) -> DemandSeries:
    """Traffic of office hours alone; on the day in question so much of it."""
    rows = np.arange(6 * MINUTES_PER_DAY)
    level = np.where((rows % MINUTES_PER_DAY >= 540) & (rows % MINUTES_PER_DAY < 1020), 12.0, 0.2)
    level[at(0) :] *= share
    peak = np.random.default_rng(3).poisson(level).astype(np.float32)
    return DemandSeries(MONDAY, peak, np.minimum(peak, level.astype(np.float32) * 0.6), peak * 2)


def test_a_holiday_is_not_prewarmed_and_real_demand_is_met():
    quiet = office(0.3)
    holiday = {"name": "holiday", "start": "2026-03-06", "duration": "1d", "factor": 0.3}
    told, untold = decide(quiet, holiday), decide(quiet)
    morning = slice(at(8, 56), at(9, 30))

    assert told.target[morning].sum() < 0.6 * untold.target[morning].sum()
    assert "holiday (until Sat 00:00 UTC): 0.3 of the usual is expected" in said(told, at(9))
    for row in range(at(1), at(22)):
        came = quiet.peak[row - DELAY - 59 : row - DELAY + 1].max()
        assert told.target[row] >= min(came, untold.target[row])
    working = office(1.0)
    assert decide(working, holiday).target[at(9, 30) : at(16)].min() >= 15, "a holiday on which everybody works"


def test_a_gap_on_a_holiday_lowers_nothing():
    quiet = traffic(raised=())
    quiet.peak[at(9, 30)] = np.nan
    holiday = {"name": "holiday", "start": "2026-03-06", "duration": "1d", "factor": 0.01}
    told, untold = decide(quiet, holiday), decide(quiet)
    unknown = slice(at(9, 31) + DELAY, at(10, 30) + DELAY)

    assert (told.target[unknown] >= untold.target[unknown]).all()
    assert "not lowered" in said(told, at(10))


def test_the_effect_of_past_events_is_applied_to_the_next():
    times = tuple((at(12, day=day), at(14, day=day), 3.0) for day in (1, 2, 4))
    demand = traffic(raised=times)
    webinar = {"name": "webinar", "cron": "0 12 * * *", "duration": "2h", "factor": 8}
    only = [webinar | {"cron": "0 12 3,4,6 3 *"}]
    told = decide(demand, *only)
    first, third = (told.target[at(12, day=day) - 2] for day in (1, 4))

    assert first > 1.3 * third > 1.3 * 25
    assert "(8 announced, " in said(told, at(12) - 3)
    assert "came the last 2 times)" in said(told, at(12) - 3)


def test_a_nightly_event_across_midnight_is_warm_each_night_and_released_each_morning():
    nights = tuple((at(23, day=day), at(25, day=day), 6.0) for day in range(5))
    demand = traffic(raised=nights)
    done = decide(demand, {"name": "batch", "cron": "0 23 * * *", "duration": timedelta(hours=2), "size": 30})

    for day in range(2, 5):
        assert done.target[at(23, day=day) - LEAD - 1 : at(25, day=day) - LEAD].min() >= 20
        assert done.target[at(26, day=day)] < 15
