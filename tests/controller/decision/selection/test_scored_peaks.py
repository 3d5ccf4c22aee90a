"""Scores of pinged pools, in whose minutes own pings hide the peak."""

from dataclasses import replace

import numpy as np

from controller.decision.costs.cost_model import CostTerms, Pings
from controller.decision.selection.scored_peaks import ScoredPeaks
from controller.decision.selection.selector import CandidateSelector

DAY, FIRST = 1440, 28_401_120
PLAIN = CostTerms(idle=2.5e-4, warm_busy=1e-3, on_demand=1e-3, init_seconds=8.0, cold_start_cost_usd=0.25, metric_delay=2,
                  lead_time=0, keep_alive=20, stay_warm=True)
PINGED = replace(PLAIN, pings=Pings(0.25, 0.1, 120.0))


def traffic(minutes, seed=5):
    """A pool with requests in every minute, and bursts; own pings hide every fourth peak."""
    rng = np.random.default_rng(seed)
    work = np.where(rng.random(minutes) < 0.02, 6.0, 1.5)
    peak = np.ceil(work + 2 * np.sqrt(work) + rng.random(minutes))
    hidden = np.where(np.arange(minutes) % 4 == 3, np.nan, peak)
    return [np.asarray(each, np.float32)[None] for each in (peak, hidden, work, work * 4)]


def test_only_pinged_pools_have_estimates():
    columns = [np.array(each, np.float32) for each in ([[5, np.nan, np.nan]] * 2, [[2, 2, np.nan]] * 2, [[9, 9, 9]] * 2)]
    peak, busy = ScoredPeaks([PINGED, PLAIN]).advance(*columns)

    np.testing.assert_array_equal(peak, [[5, 5, np.nan], [5, np.nan, np.nan]])
    np.testing.assert_array_equal(busy, [[2, 2, np.nan], [2, np.nan, np.nan]])


def test_a_busy_pool_keeps_its_units_although_pings_hide_peaks():
    peak, hidden, work, requests = traffic(3 * DAY)
    whole = CandidateSelector([PINGED]).advance(peak, work, requests, FIRST).target[0, 2 * DAY :]
    estimated = CandidateSelector([PINGED]).advance(hidden, work, requests, FIRST).target[0, 2 * DAY :]
    unestimated = CandidateSelector([PLAIN]).advance(hidden, work, requests, FIRST).target[0, 2 * DAY :]

    assert whole.mean() > 5
    assert 0.8 < estimated.mean() / whole.mean() < 1.25
    assert unestimated.mean() < 0.5 * whole.mean()


def test_choices_with_hidden_peaks_do_not_depend_on_calls_or_snapshots():
    _, *columns = traffic(2 * DAY)
    whole, selector, parts = CandidateSelector([PINGED]).advance(*columns, FIRST), CandidateSelector([PINGED]), []
    for at in range(0, 2 * DAY, 700):
        restarted = CandidateSelector([PINGED])
        if at:
            restarted.restore({name: array.copy() for name, array in selector.state().items()})
        selector = restarted
        parts.append(selector.advance(*(each[:, at : at + 700] for each in columns), FIRST + at))

    np.testing.assert_array_equal(np.concatenate([part.target for part in parts], axis=1), whole.target)


def test_a_part_of_a_cohort_has_its_own_estimates():
    scored = ScoredPeaks([PINGED, PLAIN, PINGED])
    scored.advance(*(np.array(each, np.float32) for each in ([[3], [5], [9]], [[2]] * 3, [[30]] * 3)))
    part = scored.part(np.array([2]), [PINGED])
    minute = [np.array([[value]], np.float32) for value in (np.nan, 2, 30)]

    assert part.advance(*minute)[0].item() == 9
    assert scored.state()["recent"][0].round(9).tolist() == [0.05, 0.15, 0.35], "the part shares nothing"
