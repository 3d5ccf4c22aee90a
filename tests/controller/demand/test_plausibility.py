"""Sudden silence, and missing minutes that prevent a scale-in."""

import numpy as np
import pytest

from adapters.ports.demand_source import Telemetry
from adapters.ports.minute_rows import SILENCE
from controller.demand.plausibility import CONTEXT, complete, unlikely, unseen
from forecasting.demand import DemandSeries

FIRST = 29_540_880
NAN = float("nan")


def series(peak, first=FIRST):
    units = np.array(peak, np.float32)
    return DemandSeries(first, units, units / 2, units * 10)


def told(peak, **given):
    """An answer in which every zero is inferred from an absent point, and so is what is unknown."""
    made = series(peak)
    return Telemetry(made, alive=True, absent=~(made.peak > 0), **given)


def before(*parts):
    """Minutes before the answer, the newest last; unknown further back."""
    known = [units for units, count in parts for _ in range(count)]
    return series([NAN] * (CONTEXT - len(known)) + known, FIRST - CONTEXT)


@pytest.mark.parametrize("length", [1, 3, 9, 14])
def test_a_pool_that_was_never_silent_is_not_idle_at_once(length):
    item = unlikely(told([5] + [0] * length + [NAN]), before((5, 60)))

    assert item.series.known.tolist() == [True] + [False] * (length + 1)
    assert "no point since 12:01 UTC" in item.quiet


def test_after_lasting_silence_it_is_idle_from_the_first_silent_minute():
    item = unlikely(told([5] + [0] * (SILENCE + 1)), before((5, 60)))

    assert item.series.known.all()
    assert item.quiet == ""


def test_a_short_silence_stays_unknown_and_does_not_make_the_pool_quiet():
    item = unlikely(told([5, 0, 0, 5, 5]), before((5, 60)))

    assert item.series.known.tolist() == [True, False, False, True, True]
    assert item.quiet == ""


@pytest.mark.parametrize("earlier", [before((5, 30), (0, 1), (5, 29)), before((0, 60)), before((5, 20)), before()])
def test_silence_of_a_pool_with_earlier_silence_or_little_history_counts_as_idle(earlier):
    assert unlikely(told([5, 0, 0, NAN]), earlier).series.known.tolist() == [True, True, True, False]


def test_observed_zeros_stay():
    observed = Telemetry(series([5, 0, 0]), alive=True)

    assert unlikely(observed, before((5, 60))) is observed


def test_a_long_answer_is_checked_without_earlier_minutes():
    peaks = [5] * 100 + [0] * 9 + [5] * 100 + [0] * 30 + [5] * 20 + [0] * 5
    known = unlikely(told(peaks), before()).series.known

    assert np.flatnonzero(~known).tolist() == list(range(100, 109))


def missing(text):
    return unseen(np.array([each == "x" for each in text]))[-1]


@pytest.mark.parametrize(("text", "minutes"), [
    ("xxxxxx", 0), ("xxxxx?", 0), ("xxxx??", 2), ("xx?????", 5), ("??????", 6),
    ("xxxxx??x", 0), ("xxxxx???x", 3), ("xx?????xxxx", 5), ("xx?????xxxxx", 0), ("xx?????xxx?", 5), ("x?x?x?x?x", 0),
])
def test_missing_minutes_count_until_five_are_known_after_them(text, minutes):
    assert missing(text) == minutes


def test_each_pool_and_minute_is_calculated_independently():
    known = np.array([[True, False, False, True], [True, True, True, True]])

    assert unseen(known).tolist() == [[0, 0, 2, 0], [0, 0, 0, 0]]
    assert unseen(known[0]).tolist() == [0, 0, 2, 0]


def test_a_minute_without_work_is_incomplete_unless_the_pool_had_none_in_the_day_before():
    peak = np.full(1500, 2.0, np.float32)
    never, lost = np.full(1500, np.nan, np.float32), np.full(1500, np.nan, np.float32)
    lost[3] = 1.0

    assert complete(peak, never).all()
    assert np.flatnonzero(~complete(peak, lost)).tolist() == list(range(4, 3 + 1440))
    assert not complete(np.full(3, np.nan, np.float32), np.ones(3, np.float32)).any()
