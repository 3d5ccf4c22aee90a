"""Choices by leading signals: learned from the past, causal, and never worse than the choice by more than a bound."""

from copy import deepcopy
from dataclasses import replace

import numpy as np
import pytest

from controller.decision.costs.cost_model import CostTerms, Pings, TopTerms
from controller.decision.selection.choice import Choice, SelectionMode
from controller.decision.selection.leads.lead_selector import LeadSelector
from forecasting.demand import Floats

DAY = 1440
FIRST = 28_401_120
TERMS = CostTerms(idle=4.1667e-6 * 60, warm_busy=9.7222e-6 * 60, on_demand=1.66667e-5 * 60, init_seconds=8.0,
                  cold_start_cost_usd=0.05, metric_delay=2, lead_time=2, keep_alive=6)
AHEAD = 8
"""Minutes by which the signal of these tests precedes demand."""


def bursts(minutes: int, seed: int) -> tuple[Floats, Floats]:
    """Demand in bursts of 3 min at random times, and a signal that has half of it, `AHEAD` minutes earlier."""
    rng = np.random.default_rng(seed)
    peak = np.zeros(minutes + AHEAD, np.float32)
    for at in rng.integers(0, minutes, minutes // 60):
        peak[at : at + 3] = np.maximum(peak[at : at + 3], 2 * rng.integers(1, 8))
    return peak[:minutes], peak[AHEAD:] / 2


def without_leads(peak: Floats, units: float = 0.0, trusted: bool = True) -> Choice:
    """The choice of as many units after each minute."""
    choice = Choice.zeros(1, len(peak))
    choice.target[:], choice.trusted[:] = units, trusted
    return choice


def advance(selector: LeadSelector, choice: Choice, peak: Floats, signal: Floats, first: int = FIRST) -> Choice:
    """Advance by all minutes, with a signal that is unknown after the last one."""
    rows = peak[None]
    following = np.full(selector.ahead, np.nan, np.float32)
    return selector.advance(choice, rows, rows * np.float32(0.5), rows, {0: np.concatenate((signal, following))[None]}, first)


def followed(choice: Choice) -> np.ndarray:
    return np.flatnonzero(choice.mode[0] == SelectionMode.LEAD)


def test_a_signal_that_runs_ahead_is_followed_and_requests_what_demand_will_be():
    peak, signal = bursts(6 * DAY, seed=1)
    selector = LeadSelector([TERMS], [(2,)])
    choice = advance(selector, without_leads(peak), peak, signal)
    rising = np.flatnonzero((signal[5 * DAY : -20] > 0) & (signal[5 * DAY - 1 : -21] == 0)) + 5 * DAY
    ready = choice.target[0, rising + AHEAD - TERMS.metric_delay - TERMS.lead_time]
    demand = peak[rising + AHEAD]

    assert len(rising) > 10
    assert (ready >= demand).mean() > 0.9
    assert choice.target[0, 5 * DAY :].mean() < 3 * peak[5 * DAY :].mean()
    assert selector.basis(0, ("queue",)) is not None


def test_pools_without_signals_keep_their_choice_itself():
    peak, _ = bursts(60, seed=1)
    choice = without_leads(peak, 3.0)
    selector = LeadSelector([TERMS], [()])

    assert selector.advance(choice, peak[None], peak[None], peak[None], {}, FIRST) is choice
    assert selector.preview(choice, peak[None], {}, FIRST) is choice
    assert selector.state() == {}
    assert selector.basis(0, ()) is None


def test_pools_with_a_pinged_layer_keep_their_choice():
    layered = replace(TERMS, top=TopTerms(1e-6, Pings(0.25, 0.1, 120.0)))

    assert LeadSelector([layered], [(2,)]).rows == []


def test_a_pool_without_signals_beside_one_with_signals_keeps_its_choice():
    peak, signal = bursts(4 * DAY, seed=2)
    rows = np.stack((peak, peak))
    choice = without_leads(peak)
    both = Choice(*(np.repeat(values, 2, axis=0) for values in choice))
    selector = LeadSelector([TERMS, TERMS], [(), (2,)])
    result = selector.advance(both, rows, rows, rows, {1: signal[None]}, FIRST)

    assert (result.target[0] == 0).all()
    assert (result.mode[0] == 0).all()
    assert (result.target[1] > 0).any()


@pytest.mark.parametrize("value", [np.nan, 0.0, -3.0, np.inf], ids=["unknown", "zero", "negative", "infinite"])
def test_a_dead_signal_changes_nothing(value: float):
    peak, _ = bursts(4 * DAY, seed=3)
    choice = advance(LeadSelector([TERMS], [(2,)]), without_leads(peak, 4.0), peak, np.full(len(peak), value, np.float32))

    assert (choice.target == 4).all()
    assert not len(followed(choice))


@pytest.mark.parametrize("dead", [np.nan, 0.0], ids=["unknown", "zero"])
def test_a_signal_that_dies_does_not_lower_the_choice_once_demand_has_come_without_it(dead: float):
    peak, signal = bursts(8 * DAY, seed=4)
    signal[6 * DAY :] = dead
    choice = advance(LeadSelector([replace(TERMS, cold_start_cost_usd=0.01)], [(2,)]), without_leads(peak, 9.0), peak, signal)
    dies = 6 * DAY if np.isnan(dead) else next(at for at in range(6 * DAY + 60, 8 * DAY) if peak[at] > 0)

    assert choice.target[0, : 6 * DAY].min() < 9
    assert (choice.target[0, dies:] >= 9).all()
    assert (choice.target[0, dies + 60 :] == 9).all()


def test_a_single_unknown_minute_never_lowers_the_choice():
    peak, signal = bursts(6 * DAY, seed=5)
    terms, at = replace(TERMS, cold_start_cost_usd=0.01), 6 * DAY - 40
    known = advance(LeadSelector([terms], [(2,)]), without_leads(peak, 9.0), peak, signal.copy())
    signal[at] = np.nan
    missing = advance(LeadSelector([terms], [(2,)]), without_leads(peak, 9.0), peak, signal)

    assert known.target[0, at] < 9
    assert missing.target[0, at] >= 9
    assert (missing.target[0, :at] == known.target[0, :at]).all()


def test_until_history_is_enough_the_choice_stands():
    peak, signal = bursts(4 * DAY, seed=6)
    choice = advance(LeadSelector([TERMS], [(2,)]), without_leads(peak, trusted=False), peak, signal)

    assert (choice.target == 0).all()


def test_a_forecast_is_at_most_the_highest_recent_demand():
    peak, signal = bursts(5 * DAY, seed=7)
    signal[4 * DAY + 700] = 1e9
    choice = advance(LeadSelector([TERMS], [(2,)]), without_leads(peak), peak, signal)

    assert len(followed(choice))
    assert choice.target.max() <= peak.max()


def test_choices_depend_on_nothing_that_is_not_known_yet():
    peak, signal = bursts(4 * DAY + 30, seed=8)
    changed, later = 4 * DAY, peak.copy()
    later[changed:] += 5
    lying = signal.copy()
    lying[changed:] += 5
    for delay, known in ((2, 0), (0, 2), (4, -2)):
        one, other = (advance(LeadSelector([TERMS], [(delay,)]), without_leads(peak), *rows)
                      for rows in ((peak, signal), (later, lying)))
        assert (one.target[0, : changed - max(known, 0)] == other.target[0, : changed - max(known, 0)]).all()
        assert not (one.target == other.target).all()


@pytest.mark.parametrize("delay", [0, 2, 5])
def test_the_same_minutes_give_the_same_choices_however_they_are_divided(delay: int):
    peak, signal = bursts(3 * DAY, seed=9)
    peak[500:520] = np.nan
    signal[900:930] = np.nan
    choice = without_leads(peak, 1.0)
    whole = advance(LeadSelector([TERMS], [(delay,)]), choice, peak, signal)
    selector, rng = LeadSelector([TERMS], [(delay,)]), np.random.default_rng(0)
    padded, at = np.concatenate((signal, np.full(selector.ahead, np.nan, np.float32))), 0
    while at < len(peak):
        end = min(len(peak), at + int(rng.integers(1, 200)))
        part = Choice(*(values[:, at:end] for values in choice))
        rows, signals = peak[None, at:end], {0: padded[None, at : end + selector.ahead]}
        result = selector.advance(part, rows, rows * np.float32(0.5), rows, signals, FIRST + at)
        assert (result.target == whole.target[:, at:end]).all()
        at = end


def test_a_preview_equals_the_later_choice_and_learns_nothing():
    peak, signal = bursts(3 * DAY + 40, seed=10)
    choice, end = without_leads(peak, 1.0), 3 * DAY + 7
    whole = advance(LeadSelector([TERMS], [(0,)]), choice, peak, signal)
    selector = LeadSelector([TERMS], [(0,)])
    advance(selector, Choice(*(values[:, :end] for values in choice)), peak[:end], signal[:end])
    before = deepcopy(selector.state())
    for minutes in range(1, 16):
        upto = end + minutes
        last = Choice(*(values[:, upto - 1 : upto] for values in choice))
        seen = selector.preview(last, peak[None, end:upto], {0: signal[None, end : upto + selector.ahead]}, FIRST + end)
        assert seen.target[0, 0] == whole.target[0, upto - 1], minutes
    assert all((before[name] == array).all() or np.isnan(array).any() for name, array in selector.state().items())


def test_a_restored_selector_continues_like_the_one_that_was_stored():
    peak, signal = bursts(3 * DAY, seed=11)
    choice, half = without_leads(peak), 2 * DAY + 5
    one = LeadSelector([TERMS], [(1,)])
    first = Choice(*(values[:, :half] for values in choice))
    rest = Choice(*(values[:, half:] for values in choice))
    advance(one, first, peak[:half], signal[:half])
    other = LeadSelector([TERMS], [(1,)])
    other.restore({name: array.copy() for name, array in one.state().items()})
    results = [advance(each, rest, peak[half:], signal[half:], FIRST + half) for each in (one, other)]

    assert (results[0].target == results[1].target).all()
    assert one.basis(0, ("a",)) == other.basis(0, ("a",))


def test_a_state_of_other_delays_is_refused():
    peak, signal = bursts(60, seed=12)
    one = LeadSelector([TERMS], [(1,)])
    advance(one, without_leads(peak), peak, signal)

    with pytest.raises(ValueError, match="delays of the signals"):
        LeadSelector([TERMS], [(2,)]).restore(one.state())


def test_minutes_must_follow_one_another():
    peak, signal = bursts(60, seed=12)
    selector = LeadSelector([TERMS], [(2,)])
    advance(selector, without_leads(peak), peak, signal)

    with pytest.raises(ValueError, match="must follow"):
        advance(selector, without_leads(peak), peak, signal)


def test_a_candidate_with_more_cold_starts_is_not_followed_where_the_policy_sets_a_rate():
    peak, signal = bursts(6 * DAY, seed=13)
    hours = np.random.default_rng(0).random(6 * 24)
    signal[np.repeat(hours < 0.3, 60)] = 0  # the signal misses a part of demand
    results = [advance(LeadSelector([replace(TERMS, cold_start_cost_usd=0.01, warm_hit_rate=rate)], [(2,)]),
                       without_leads(peak, float(peak.max())), peak, signal.copy()) for rate in (None, 0.9999)]

    assert (followed(results[0]) > 3 * DAY).any()
    assert not (followed(results[1]) > 3 * DAY).any()


def test_the_basis_has_the_numbers_from_which_the_units_are_computed():
    peak, signal = bursts(6 * DAY + 30, seed=14)
    selector = LeadSelector([TERMS], [(2,)])
    for end in range(6 * DAY, 6 * DAY + 30):
        start = 0 if end == 6 * DAY else end - 1
        choice = advance(selector, without_leads(peak[start:end], 1.0), peak[start:end], signal[start:end], FIRST + start)
        basis = selector.basis(0, ("queue depth",))
        assert basis is not None
        assert basis.followed
        assert basis.name == "queue depth"
        assert basis.cost_usd < basis.cost_without_usd
        assert basis.units(1) == choice.target[0, -1]
