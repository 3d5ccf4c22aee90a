"""Replayed cost of pairs of a base and a top, against a plain loop over the minutes of one pair."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from controller.decision.costs.layer_units import alive_units, top_units
from controller.decision.selection.candidates import CANDIDATES
from controller.decision.selection.layers.levels import LEVELS, LIMITS, TopProposals
from controller.decision.selection.layers.pair_scores import Minutes, PairScores, TopTiming, summed_by_limit
from controller.decision.selection.scoring import CandidateScores
from tests.examples import examples

DELAY, LEAD, KEEP, LOST = 1, 2, 3, 1 / 30
BASES = (0, 40)
small = st.integers(0, 9)


def replayed(minutes: list[tuple[int, int, int, int]], limits: list[bool], cuts: int, stay_warm: bool) -> PairScores:
    """Amounts after `minutes` of peak, requests, units of all candidates and level, in two calls."""
    peak, requests, base, level = (np.array(row, np.float32)[:, None] for row in zip(*minutes, strict=True))
    count = len(peak)
    bases = np.repeat(base[:, None], len(CANDIDATES), axis=1)
    levels = np.repeat(level[:, None], len(LEVELS), axis=1)
    runs = np.repeat(np.array(limits[:count], bool)[:, None, None], len(LIMITS), axis=1)
    scores = CandidateScores(len(CANDIDATES), 1, DELAY, LEAD, KEEP, stay_warm=stay_warm)
    pairs = PairScores(BASES, np.array([LOST]), 1, TopTiming(DELAY, LEAD, stay_warm))
    for rows in (slice(0, cuts), slice(cuts, count)):
        if len(peak[rows]):
            units = scores.add(bases[rows], peak[rows], peak[rows], requests[rows])
            known = np.ones_like(peak[rows], bool)
            proposed = TopProposals(levels[rows], runs[rows], requests[rows])
            pairs.add(proposed, bases[rows], Minutes(known, requests[rows].astype(float)), units)
    pairs.close_quarter()
    return pairs


def by_hand(minutes: list[tuple[int, int, int, int]], limits: list[bool], stay_warm: bool) -> tuple[float, float, float]:
    """Cold starts saved, units pinged and requests during pings of one pair."""
    saved = pinged = during = 0.0
    used: list[float] = []

    def in_force(values: list[float], at: int) -> float:
        rows = [at - DELAY - back for back in range(LEAD + 1)]
        return min(values[row] if row >= 0 else 0 for row in rows)

    # a decision after minute t applies from t + delay on, and the first minute of the replay sees decisions of earlier minutes
    wanted = [float(top_units(np.array(float(level)), np.array(float(base)), LOST)) * runs
              for (_, _, base, level), runs in zip(minutes, limits, strict=False)]
    for at, (peak, requests, _, _) in enumerate(minutes):
        ready, top = in_force([float(row[2]) for row in minutes], at), in_force(wanted, at)
        now = float(max(peak, ready) if stay_warm else max(peak - ready, 0))
        before = max([0.0, *used[max(0, at - KEEP) : at]])
        floor = ready if stay_warm else 0.0
        warm = max(before, floor)
        alive = float(alive_units(np.array(top), LOST))
        saved += max(now - warm, 0) - max(now - max(warm, floor + alive), 0)
        to_ping = max(floor + top - warm, 0) if top else 0.0
        pinged += to_ping
        during += requests * (to_ping > 0)
        used.append(now)
    return saved, pinged, during


@examples(60)
@given(st.lists(st.tuples(small, small, small, small), min_size=1, max_size=14),
       st.lists(st.booleans(), min_size=14, max_size=14), st.integers(0, 14), st.booleans())
def test_amounts_of_a_pair_are_those_of_a_loop_over_its_minutes(minutes, limits, cuts, stay_warm):
    pairs = replayed(minutes, limits, cuts, stay_warm)
    expected = by_hand(minutes, limits, stay_warm)

    np.testing.assert_allclose(pairs.amounts[:, 0, 0, 0, 0], expected)
    np.testing.assert_allclose(pairs.amounts, np.broadcast_to(np.reshape(expected, (3, 1, 1, 1, 1)), pairs.amounts.shape))


def test_a_part_continues_with_the_scores_of_its_pools():
    whole = replayed([(3, 2, 1, 5)] * 9, [True] * 14, 4, stay_warm=False)
    part = whole.part(np.array([0]))

    for name, values in whole.state().items():
        np.testing.assert_array_equal(part.state()[name], values)
        assert part.state()[name] is not values


def test_sums_by_limit_are_those_of_each_pool_alone():
    dice = np.random.default_rng(3)
    running, gain = dice.integers(0, 2, (15, 8, 3)).astype(float), dice.integers(0, 99, (15, 2, 4, 3)) / 1024
    together = summed_by_limit(running, gain)
    apart = [summed_by_limit(running[:, :, pool:pool + 1], gain[..., pool:pool + 1]) for pool in range(3)]

    assert (together == np.concatenate(apart, axis=-1)).all()
    assert together[1, 2, 3, 0] == sum(gain[at, 1, 2, 0] for at in range(15) if running[at, 3, 0])
