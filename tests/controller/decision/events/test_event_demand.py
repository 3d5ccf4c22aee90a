"""Event demand before, during and after events, and on quiet days."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.decision.events.baseline import UNKNOWN_YET, BaselineDemand
from controller.decision.events.event_demand import EventQuery, UpcomingEvent, event_demand
from controller.decision.events.learned_effect import LearnedEffect
from controller.decision.events.occurrences import EventWindow
from controller.decision.planning.guardrails import GUARDRAILS
from controller.decision.planning.observation import DataFreshness, EventDemand
from controller.decision.planning.planner import make_plan
from controller.decision.planning.pool_state.state import PoolState
from controller.decision.planning.reason_codes import ReasonCode
from forecasting.demand import minute_of
from tests.builders import NOON, observation, pool_policy
from tests.examples import examples

START = minute_of(NOON)
LAUNCH = EventWindow(START, START, START + 120, "launch", "launch", 8.0, None)
HOLIDAY = LAUNCH._replace(name="holiday", factor=0.4)
FIVE = BaselineDemand(np.full((2, 288), 5.0, np.float32))
LEAD = 2


def demand_at(minute: int, *spells: EventWindow, baseline: BaselineDemand = FIVE, effect: LearnedEffect | None = None,
         recent: float | list = 3.0, newest: int | None = None, **changes: int) -> EventDemand | None:
    """What is said at `minute` minutes after noon, two minutes of it being unknown yet."""
    last = np.full(60, recent, np.float32) if np.isscalar(recent) else np.array(recent, np.float32)
    query = EventQuery(START + minute, START + minute + LEAD + 2, 0, 100, last, START + minute - 3 if newest is None else newest)
    return event_demand([UpcomingEvent(window, baseline, effect) for window in spells], query._replace(**changes))


def test_capacity_is_requested_early_enough_to_be_ready_at_the_start():
    assert demand_at(-5, LAUNCH) is None
    assert demand_at(-LEAD - 1, LAUNCH).units == 40
    assert "launch (Mon 12:00 to Mon 14:00 UTC) is expected to bring 8 times the usual 5" in demand_at(-3, LAUNCH).text


def test_a_lead_makes_the_request_earlier():
    early = LAUNCH._replace(ready=START - 15)

    assert demand_at(-LEAD - 17, early) is None
    assert demand_at(-LEAD - 16, early).units == 40


def test_a_limited_raise_starts_earlier_and_is_complete_in_time():
    units = [demand_at(minute, LAUNCH, step_up=10) for minute in range(-8, -2)]

    assert [None if each is None else each.units for each in units] == [None, None, 10, 20, 30, 40]


def test_the_highest_of_several_events_counts_and_a_quiet_day_does_not_lower_it():
    other = LAUNCH._replace(name="batch", factor=None, size=70)

    assert demand_at(5, LAUNCH, other, HOLIDAY).units == 70
    assert demand_at(5, LAUNCH, HOLIDAY).units == 40


def test_a_size_needs_no_baseline_and_a_factor_without_one_says_so():
    assert demand_at(0, LAUNCH._replace(factor=None, size=70), baseline=UNKNOWN_YET).units == 70
    unknown = demand_at(0, LAUNCH, baseline=UNKNOWN_YET)
    assert (unknown.units, "the usual demand at that time is not known yet" in unknown.text) == (None, True)


def test_demand_above_the_announcement_is_held_until_demand_after_the_event_is_known():
    assert demand_at(60, LAUNCH, recent=55.0).units == 55
    assert demand_at(121, LAUNCH, recent=55.0).units == 55
    assert demand_at(131, LAUNCH, recent=55.0, newest=START + 129).units == 55
    assert demand_at(133, LAUNCH, recent=55.0, newest=START + 130) is None


def test_demand_before_an_event_does_not_count_for_it():
    assert demand_at(0, LAUNCH, recent=55.0, newest=START - 1).units == 40


def test_texts_have_the_announcement_and_the_learned_effect():
    taught = demand_at(0, LAUNCH, effect=LearnedEffect((0.5, 0.5), (4.0, 4.0), (8.0, 8.0)))

    assert taught.units == pytest.approx(8 * 0.5 ** (2 / 3) * 5)
    assert "5.04 times the usual 5 (8 announced, 4 came the last 2 times)" in taught.text


def test_a_quiet_day_lowers_from_its_start_to_its_end_only():
    assert demand_at(-1, HOLIDAY) is None
    assert (demand_at(0, HOLIDAY).share, demand_at(0, HOLIDAY).justified) == (pytest.approx(0.4), pytest.approx(3 + 3 ** 0.5))
    assert demand_at(120 - LEAD - 2, HOLIDAY).share == pytest.approx(0.4)
    assert demand_at(120 - LEAD - 1, HOLIDAY) is None


@pytest.mark.parametrize("recent", [[3.0] * 59, [3.0] * 30 + [np.nan] + [3.0] * 29, []])
def test_a_quiet_day_lowers_nothing_while_part_of_the_last_hour_is_unknown(recent):
    quiet = demand_at(5, HOLIDAY, recent=recent)

    assert (quiet.share, quiet.units, "not lowered" in quiet.text) == (None, None, True)


def plan(announced: EventDemand | None, requested: int = 0, proposed: float | None = 10.0, **changes: object):
    policy = {key: changes.pop(key) for key in ("min", "max", "on_missing_metrics", "max_step_up") if key in changes}
    seen = observation(requested, proposed, announced=announced, **changes)
    return make_plan(pool_policy(**policy), PoolState(), seen, GUARDRAILS)


RISE, QUIET = EventDemand("launch brings 40", 40.0), EventDemand("holiday", None, 0.4, 5.0)


def test_a_rise_is_a_reason_with_its_numbers():
    made = plan(RISE)
    [reason] = [each for each in made.reasons if each.code is ReasonCode.EVENT]

    assert (made.target, reason.before, reason.after, reason.text) == (40, 10, 40, "launch brings 40: 10 -> 40")


def test_a_rise_below_the_proposal_changes_nothing_and_is_reported():
    made = plan(EventDemand("launch brings 4", 4.0))

    assert (made.target, [each.code for each in made.reasons]) == (10, [ReasonCode.PROPOSED, ReasonCode.EVENT])


def test_a_quiet_day_lowers_a_proposal_to_its_share_but_not_below_recent_demand():
    assert plan(QUIET, proposed=20.0).target == 8
    assert plan(QUIET, proposed=10.0).target == 5
    assert plan(QUIET, proposed=3.0).target == 3
    assert plan(QUIET, proposed=20.0, min=12).target == 12


@pytest.mark.parametrize("rule", ["hold", "floor", "forecast"])
def test_with_missing_metrics_rises_still_count_and_quiet_days_do_not(rule):
    blind = {"freshness": DataFreshness.BROKEN, "on_missing_metrics": rule}

    assert plan(RISE, requested=7, **blind).target == 40
    assert plan(RISE, requested=50, **blind).target == 50
    assert plan(QUIET, requested=20, **blind).target == 20


@examples(300)
@given(units=st.none() | st.floats(), share=st.none() | st.floats(), justified=st.none() | st.floats(),
       proposed=st.none() | st.floats(), requested=st.integers(0, 300), low=st.integers(0, 20), high=st.integers(20, 100),
       freshness=st.sampled_from(list(DataFreshness)))
def test_no_event_leaves_floor_and_ceiling_or_lowers_with_missing_metrics(
        units, share, justified, proposed, requested, low, high, freshness):
    made = plan(EventDemand("x", units, share, justified), requested, proposed, min=low, max=high, freshness=freshness)

    assert low <= made.target <= high or made.target == requested
    if freshness is not DataFreshness.FRESH or proposed is None:
        assert made.target >= min(requested, high)


DEMAND = st.just(np.nan) | st.floats(0, 1e6, width=32)


@examples(200)
@given(minute=st.integers(-200, 300), factor=st.floats(0.01, 1000), size=st.none() | st.integers(1, 10**6),
       lead=st.integers(0, 200), level=DEMAND, recent=st.lists(DEMAND, max_size=60), step=st.integers(0, 50),
       ceiling=st.integers(0, 1000))
def test_event_demand_is_a_valid_number_for_any_history(minute, factor, size, lead, level, recent, step, ceiling):
    window = replace_factor(LAUNCH._replace(ready=START - lead), factor, size)
    said = demand_at(minute, window, baseline=BaselineDemand(np.full((2, 288), level, np.float32)), recent=recent, step_up=step,
                ceiling=ceiling)

    if said is not None and said.units is not None:
        assert 0 <= said.units <= max(ceiling, 1e6)
    if said is not None and said.share is not None:
        assert said.share < 1
        assert said.justified >= max(recent)


def replace_factor(window: EventWindow, factor: float, size: int | None) -> EventWindow:
    """The spell with one of the two."""
    return window._replace(factor=None, size=size) if size is not None else window._replace(factor=factor)
