"""Signals, compared with their definitions minute by minute."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.decision.selection.candidates import CANDIDATES, Candidate
from controller.decision.selection.signals import BLOCK, HALF_LIVES, ROUND_UP_ABOVE, Signals, moving_max, order_statistic
from tests.examples import examples

DAY = 1440
FIRST = 28_401_120 + 7  # not at the start of a block
HORIZON = 4


def traffic(minutes: int, seed: int = 1, gaps: float = 0.02) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    level = 6 + 5 * np.sin(np.arange(minutes) / DAY * 2 * np.pi)
    peak = rng.poisson(level).astype(np.float32)
    peak[rng.random(minutes) < gaps] = np.nan
    return peak, (peak * 0.5).astype(np.float32)


@pytest.fixture(scope="module")
def taken() -> tuple[np.ndarray, np.ndarray, dict[str, np.ndarray]]:
    peak, busy = traffic(9 * DAY)
    return peak, busy, Signals(1, HORIZON, np.array([0.4])).advance(peak[None], busy[None], FIRST)


def most(values: np.ndarray) -> float:
    known = values[~np.isnan(values)]
    return float(known.max()) if len(known) else 0.0


@pytest.mark.parametrize("width", [10, 45, 180])
def test_recent_maxima_look_back_from_the_minute_itself(taken, width):
    peak, _, found = taken
    for at in (300, 5000, 9 * DAY - 1):
        assert found[f"recent {width}"][0, at] == most(peak[at - width + 1 : at + 1])


def test_long_maxima_reach_back_whole_blocks(taken):
    peak, _, found = taken
    for at in (3000, 7001, 9 * DAY - 1):
        begun = (FIRST + at) // BLOCK * BLOCK - FIRST
        expected = max(most(peak[begun - 360 + BLOCK : begun]), most(peak[at - 4 : at + 1]))
        assert found["recent 360"][0, at] == expected


@pytest.mark.parametrize(("name", "width"), [("yesterday 5", 5), ("yesterday 30", 30), ("week ago 5", 5)])
def test_seasonal_signals_are_about_the_minute_that_a_decision_first_changes(taken, name, width):
    peak, _, found = taken
    days = 7 if name.startswith("week") else 1
    for at in (8 * DAY + 11, 9 * DAY - 700, 9 * DAY - 1):
        block = (FIRST + at + HORIZON) // BLOCK * BLOCK - FIRST - days * DAY
        assert found[name][0, at] == most(peak[block - width : block + BLOCK + width])


def test_ranks_among_days_are_ordered(taken):
    _, _, found = taken
    for width in (5, 30, 120):
        most_, second, fourth = (found[f"{kind} of week {width}"] for kind in ("maximum", "second", "median"))
        assert (most_ >= second).all()
        assert (second >= fourth).all()


@pytest.mark.parametrize("minutes", HALF_LIVES)
def test_a_decaying_maximum_halves_per_half_life_and_not_in_unknown_minutes(taken, minutes):
    peak, _, found = taken
    remembered = 0.0
    for at, came in enumerate(peak[:3000]):
        if not np.isnan(came):
            remembered = max(remembered * 0.5 ** (1 / minutes), float(came))
        ambiguous = abs(remembered % 1 - ROUND_UP_ABOVE) < 1e-3
        assert abs(found[f"decaying {minutes}"][0, at] - np.ceil(remembered - ROUND_UP_ABOVE)) <= ambiguous


def test_the_hourly_signal_finds_hourly_traffic():
    peak = np.zeros(6 * 60, np.float32)
    peak[30::60] = 8
    found = Signals(1, HORIZON, np.array([0.4])).advance(peak[None], peak[None] * 0, FIRST)["hourly"][0]
    wanted_at = np.flatnonzero(found[4 * 60 :]) + 4 * 60 + HORIZON
    assert set(wanted_at % 60) == {28, 29, 30, 31, 32}


def test_the_base_is_demand_that_is_busy_often_enough_to_pay_for_warm_units():
    busy = np.array([[3.0, 0.1, 3.0, 3.0, 2.7]], np.float32)
    for spare, expected in ((0.4, 3.0), (0.0, 0.0)):
        found = Signals(1, HORIZON, np.array([spare])).advance(np.full((1, 5), 3, np.float32), busy, FIRST)
        assert found["busy 5"][0, -1] == expected


def test_signals_without_known_minutes_are_zero():
    unknown = np.full((2, 3 * DAY), np.nan, np.float32)
    for values in Signals(2, HORIZON, np.full(2, 0.4)).advance(unknown, unknown, FIRST).values():
        assert (values == 0).all()


@pytest.mark.parametrize("missing", [1, 2, 4])
def test_missing_minutes_do_not_lower_the_base(missing):
    peak = np.full(600, 6, np.float32)
    peak[400 : 400 + missing] = np.nan

    base = Signals(1, HORIZON, np.array([0.4])).advance(peak[None], (peak * 0.75)[None], FIRST)["busy 5"][0]

    assert set(base[10:].tolist()) == {4.0}


def test_unknown_days_are_left_out_of_quantiles():
    peak = np.full(8 * DAY, 10, np.float32)
    peak[DAY : 7 * DAY] = np.nan  # the last day is known again

    found = Signals(1, HORIZON, np.array([0.4])).advance(peak[None], (peak * 0.5)[None], FIRST)

    assert {name: float(values[0, -1]) for name, values in found.items() if name.startswith("week 0")} == {
        "week 0.5": 10, "week 0.75": 10, "week 0.9": 10, "week 0.97": 10}


@examples(15)
@given(st.lists(st.integers(1, 400), min_size=1, max_size=12), st.integers(0, 2**31), st.integers(0, 59))
def test_signals_do_not_depend_on_the_division_into_calls(cuts, seed, offset):
    minutes = sum(cuts)
    peak, busy = traffic(minutes, seed, gaps=0.1)
    whole = Signals(1, HORIZON, np.array([0.4])).advance(peak[None], busy[None], FIRST + offset)
    pieces, signals, at = [], Signals(1, HORIZON, np.array([0.4])), 0
    for cut in cuts:
        pieces.append(signals.advance(peak[None, at : at + cut], busy[None, at : at + cut], FIRST + offset + at))
        at += cut
    for name, values in whole.items():
        np.testing.assert_array_equal(np.concatenate([piece[name] for piece in pieces], axis=1), values, err_msg=name)


@given(st.lists(st.integers(0, 50), min_size=1, max_size=40), st.integers(1, 40))
def test_moving_max_is_the_maximum_of_each_window(values, width):
    width = min(width, len(values))
    found = moving_max(np.array([values], np.float32), width)[0]
    assert found.tolist() == [max(values[at : at + width]) for at in range(len(values) - width + 1)]


@given(st.lists(st.one_of(st.just(-1), st.integers(0, 50)), min_size=1, max_size=40), st.floats(0, 1))
def test_order_statistics_leave_unknown_values_out(values, level):
    known = [value for value in values if value >= 0]
    found = order_statistic(np.array([values], np.float32), level)[0]
    expected = np.quantile(known, level, method="higher") if known else 0
    assert found == pytest.approx(expected) or found in known


def test_names_of_rules_are_unique_formulas():
    names = [each.name for each in CANDIDATES]

    assert len(set(names)) == len(names)
    assert Candidate().name == "no warm capacity"
    assert Candidate(("recent 60",), margin=1.0).name == "maximum of the last 60 min + margin 1 × √value"
    assert Candidate(("recent 60",), base="busy 180").name == "max(maximum of the last 60 min, demand sustained for 3 h)"
    assert Candidate(("day 0.9", "recent 60"), least=True, margin=1.0, base="busy 5").name == (
        "max(min(P90 of the last 24 h, maximum of the last 60 min) + margin 1 × √value, demand sustained for 5 min)")
