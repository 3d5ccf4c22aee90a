"""Rules of a started quarter, from minutes that may still be corrected."""

from copy import deepcopy
from dataclasses import replace

import numpy as np
import pytest

from controller.decision.selection.provisional_scores import ProvisionalRules
from controller.decision.selection.selector import CandidateSelector
from controller.decision.selection.weighting import FollowedRules
from tests.controller.decision.selection.test_selector import DAY, FIRST, TERMS, noisy


def of_pools(minutes, seeds):
    """Peak, busy and invocations of several pools."""
    return [np.concatenate(kind) for kind in zip(*(noisy(minutes, seed, gaps=0.1) for seed in seeds), strict=True)]


@pytest.mark.parametrize(("seed", "unsettled"), [(1, 3), (2, 8), (3, 20)])
def test_a_preview_uses_the_newest_rows_before_they_are_corrected(seed, unsettled):
    """10 % of the points are published with a part of their value and corrected before they settle."""
    rng, seeds = np.random.default_rng(seed), (seed, seed + 1)
    terms = [replace(TERMS, lead_time=2), replace(TERMS, cold_start_cost_usd=0.25)]
    begin, played = 2 * DAY, 40
    final = of_pools(begin + played, seeds)
    corrected = np.where(rng.random(final[0].shape) < 0.1, np.arange(begin + played) + rng.integers(1, unsettled + 1), -1)
    selector = CandidateSelector(terms)
    selector.advance(*(kind[:, : begin - unsettled] for kind in final), FIRST)
    for end in range(begin + 1, begin + played):
        settled = slice(end - unsettled - 1, end - unsettled)
        selector.advance(*(kind[:, settled] for kind in final), FIRST + settled.start)
        visible = (np.where(corrected >= end, np.floor(kind * np.float32(0.4)), kind) for kind in final)
        seen = [kind[:, settled.stop : end] for kind in visible]
        preview = selector.preview(*seen, FIRST + settled.stop)
        choice = deepcopy(selector).advance(*seen, FIRST + settled.stop)
        for pool in range(2):
            newest = np.flatnonzero(~np.isnan(seen[0][pool]))[-1:]
            assert all((mine[pool] == other[pool, newest]).all() for mine, other in zip(preview, choice, strict=True))


def test_a_quarter_is_computed_once_and_again_only_for_a_pool_that_was_corrected():
    asked = []

    class Counting:
        def part(self, pools):
            asked.append(pools.tolist())
            return self

        def next_rules(self, rows, first_minute):
            return FollowedRules.untrained(rows.shape[1])

    provisional, rows = ProvisionalRules(), np.ones((3, 2, 4), np.float32)
    now, begins = FollowedRules.untrained(2), np.full(2, 15)
    provisional.rules(Counting(), rows, 11, begins, now)
    provisional.settle(rows[..., :2], 11)
    provisional.rules(Counting(), rows[..., 2:], 13, begins, now)
    rows[0, 1, 3] = 2
    provisional.rules(Counting(), rows[..., 2:], 13, begins, now)
    provisional.settle(rows[..., 2:3] + 1, 13)
    provisional.rules(Counting(), rows[..., 3:], 14, begins, now)

    assert asked == [[0, 1], [1], [0, 1]]
