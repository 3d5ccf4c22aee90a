"""Scores of candidates, compared with the formula minute by minute."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from controller.decision.selection.scoring import DECAY, CandidateScores, folded

DELAY, LEAD, KEEP = 2, 2, 6


def spelled_out(asked: list[float], peak: list[float], busy: list[float], stay_warm: bool) -> tuple[float, float, float]:
    """Ready unit-minutes, warm work and cold starts, by the definitions alone."""
    ready = [min(([0.0] * DELAY + asked)[max(0, at - LEAD) : at + 1] + [0.0] * (at < LEAD)) for at in range(len(asked))]
    used: list[float] = []
    totals = [0.0, 0.0, 0.0]
    for at, (most, units) in enumerate(zip(peak, ready, strict=True)):
        warm = max([units * stay_warm, *used[max(0, at - KEEP) :]])
        if np.isnan(most):
            used.append(warm)
            continue
        used.append(max(most, units) if stay_warm else max(0.0, most - units))
        totals[0] += units
        totals[1] += min(busy[at], units)
        totals[2] += max(0.0, used[at] - warm)
    return totals[0], totals[1], totals[2]


minute = st.tuples(st.integers(0, 6), st.one_of(st.just(float("nan")), st.integers(0, 6).map(float)), st.integers(0, 8))


@given(st.lists(minute, min_size=1, max_size=60), st.integers(1, 15), st.booleans())
def test_amounts_are_those_of_the_formula(rows, step, stay_warm):
    asked = [float(units) for units, _, _ in rows]
    peak = [most for _, most, _ in rows]
    busy = [0.0 if np.isnan(most) else most * share / 8 for _, most, share in rows]
    scores = CandidateScores(1, 1, DELAY, LEAD, KEEP, stay_warm=stay_warm)
    for at in range(0, len(rows), step):
        rows_here = slice(at, at + step)
        scores.add(np.array(asked[rows_here], np.float32)[:, None, None], np.array(peak[rows_here], np.float32)[:, None],
                  np.array(busy[rows_here], np.float32)[:, None], np.array(peak[rows_here], np.float32)[:, None])
    scores.close_quarter()

    assert spelled_out(asked, peak, busy, stay_warm) == tuple(scores.amounts[:, 0, 0])
    assert scores.requests[0] == np.nansum(peak)


def test_a_gap_of_one_pool_keeps_warm_what_was_warm_in_that_pool_alone():
    scores = CandidateScores(1, 2, 0, 0, 2)
    peak = np.array([[5, 5], [np.nan, 0], [np.nan, 0], [5, 5]], np.float32)
    scores.add(np.zeros((4, 1, 2), np.float32), peak, 0 * peak, peak)
    scores.close_quarter()

    assert scores.amounts[2, 0].tolist() == [5, 10]


def test_older_quarters_count_less():
    scores = CandidateScores(1, 1, 0, 0, KEEP)
    one = np.ones((1, 1, 1), np.float32)
    scores.add(one, one[0], 0 * one[0], one[0])
    scores.close_quarter()
    scores.close_quarter()

    assert scores.amounts[0, 0, 0] == DECAY


def test_a_pool_without_keep_alive_starts_cold_each_minute():
    scores = CandidateScores(1, 1, 0, 0, 0)
    peak = np.full((3, 1), 2, np.float32)
    scores.add(np.zeros((3, 1, 1), np.float32), peak, 0 * peak, peak)
    scores.close_quarter()

    assert scores.amounts[2, 0, 0] == 6


def test_a_unit_removed_within_its_billing_step_is_billed_to_the_end_of_the_step():
    scores = CandidateScores(1, 1, 0, 0, KEEP, billing_step=5)
    asked = np.zeros((10, 1, 1), np.float32)
    asked[2] = 4
    nothing = np.zeros((10, 1), np.float32)
    for minute in range(10):
        scores.add(asked[minute : minute + 1], nothing[:1], nothing[:1], nothing[:1])
    scores.close_quarter()

    assert scores.amounts[0, 0, 0] == 4 * 5


@given(st.integers(1, 20), st.integers(1, 20), st.randoms(use_true_random=False))
def test_each_window_is_folded_whole(count, span, dice):
    values = np.array([[dice.random()] for _ in range(count + span - 1)], np.float32)
    expected = np.stack([values[at:at + span].max(axis=0) for at in range(count)])

    assert (folded(np.maximum, values, count, span) == expected).all()
