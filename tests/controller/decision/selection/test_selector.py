"""Choices of the selector, which depend on past demand only."""

from copy import deepcopy
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.decision.costs.cost_model import CostTerms
from controller.decision.selection.candidates import CANDIDATES, NAIVE, RECENT
from controller.decision.selection.choice import SelectionMode, rule_name
from controller.decision.selection.selector import CandidateSelector
from controller.decision.selection.weighting import ENSEMBLE
from tests.examples import examples

DAY = 1440
FIRST = 28_401_120
TERMS = CostTerms(idle=4.1667e-6 * 60, warm_busy=9.7222e-6 * 60, on_demand=1.66667e-5 * 60, init_seconds=8.0,
                  cold_start_cost_usd=0.05, metric_delay=2, lead_time=2, keep_alive=6)


def rows(values: np.ndarray) -> np.ndarray:
    return np.asarray(values, np.float32)[None]


def demand(peak: np.ndarray, share: float = 0.2) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Peak, busy and invocations of one pool."""
    return rows(peak), rows(peak * np.float32(share)), rows(peak * 3)


def noisy(minutes: int, seed: int, gaps: float = 0.0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    peak = rng.poisson(3 + 3 * np.sin(np.arange(minutes) / DAY * 2 * np.pi)).astype(np.float32)
    peak[rng.random(minutes) < gaps] = np.nan
    return rows(peak), rows(peak * rng.random(minutes).astype(np.float32)), rows(peak * 3)


def test_a_pool_that_is_always_busy_is_kept_warm_because_that_is_cheaper_than_on_demand():
    choice = CandidateSelector([TERMS]).advance(*demand(np.full(3 * DAY, 4.0), share=1.0), FIRST)

    assert (choice.target[0, 2 * DAY :] == 4).all()


def test_a_pool_without_traffic_gets_no_warm_units():
    choice = CandidateSelector([TERMS]).advance(*demand(np.zeros(3 * DAY)), FIRST)

    assert (choice.target == 0).all()


def test_capacity_is_ready_before_a_daily_peak():
    peak = np.zeros(6 * DAY, np.float32)
    for day in range(6):
        peak[day * DAY + 540 : day * DAY + 545] = 12  # five minutes at nine
    choice = CandidateSelector([replace(TERMS, cold_start_cost_usd=0.25)]).advance(*demand(peak), FIRST)
    nine = 5 * DAY + 540
    in_time = choice.target[0, nine - TERMS.metric_delay - 2 * TERMS.lead_time : nine - TERMS.metric_delay - TERMS.lead_time + 1]

    assert (in_time >= 12).all()
    assert (choice.target[0, nine - 300 : nine - 200] == 0).all()


def test_until_a_day_is_known_the_recent_maximum_is_followed():
    choice = CandidateSelector([TERMS]).advance(*noisy(DAY + 60, seed=3), FIRST)

    assert not choice.trusted[0, : DAY - 1].any()
    assert choice.trusted[0, DAY - 1 :].all()
    assert (choice.leader[0, : DAY - 1] == RECENT).all()
    assert (choice.mode[0, : DAY - 1] == SelectionMode.ALONE).all()


def test_an_ensemble_that_costs_more_falls_back_to_a_naive_rule_in_the_next_quarter():
    selector = CandidateSelector([TERMS])
    selector.advance(*noisy(4 * DAY, seed=4), FIRST)
    cohort = selector._cohorts[0][1]
    cohort._scores.amounts[2, ENSEMBLE] += 1e6  # as if what was chosen had let a million users wait
    choice = selector.advance(*noisy(1, seed=5), FIRST + 4 * DAY)

    leader, mode = int(choice.leader[0, -1]), SelectionMode(choice.mode[0, -1])
    assert leader in NAIVE
    assert mode is SelectionMode.FALLBACK
    assert "the ensemble has cost more" in rule_name(leader, mode)


def test_unknown_minutes_change_no_scores():
    selector = CandidateSelector([TERMS])
    selector.advance(*noisy(3 * DAY, seed=6), FIRST)
    before = selector._cohorts[0][1].known.copy()
    dark = np.full((1, 600), np.nan, np.float32)
    choice = selector.advance(dark, dark, dark, FIRST + 3 * DAY)

    assert (selector._cohorts[0][1].known == before).all()
    assert np.isfinite(choice.target).all()


def test_requests_and_work_without_a_peak_lower_nothing():
    peak, busy, requests = demand(np.full(3 * DAY, 4.0), share=1.0)
    peak[0, 2 * DAY :: 3], busy[0, 2 * DAY :: 3] = np.nan, 0.1
    unknown = CandidateSelector([TERMS]).advance(peak, np.where(np.isnan(peak), np.nan, busy), requests, FIRST)
    choice = CandidateSelector([TERMS]).advance(peak, busy, requests, FIRST)

    assert (choice.target == unknown.target).all()
    assert (choice.target[0, 2 * DAY :] == 4).all()


def test_minutes_must_follow_one_another():
    selector = CandidateSelector([TERMS])
    selector.advance(*noisy(10, seed=7), FIRST)
    with pytest.raises(ValueError, match="expected 28401130"):
        selector.advance(*noisy(10, seed=7), FIRST + 11)


@examples(8)
@given(st.integers(0, 2**31), st.lists(st.integers(1, 500), min_size=2, max_size=8))
def test_choices_do_not_depend_on_the_division_into_calls(seed, cuts):
    history = noisy(sum(cuts), seed, gaps=0.05)
    whole, parts, selector, at = CandidateSelector([TERMS]).advance(*history, FIRST), [], CandidateSelector([TERMS]), 0
    for cut in cuts:
        parts.append(selector.advance(*(kind[:, at : at + cut] for kind in history), FIRST + at))
        at += cut
    for field in ("target", "trusted", "leader", "mode"):
        np.testing.assert_array_equal(np.concatenate([getattr(part, field) for part in parts], axis=1), getattr(whole, field))


@examples(5)
@given(st.integers(0, 2**31))
def test_choices_do_not_depend_on_other_pools(seed):
    several = [TERMS, replace(TERMS, lead_time=5), replace(TERMS, cold_start_cost_usd=0.01), replace(TERMS, warm_hit_rate=0.95)]
    histories = [noisy(2 * DAY, seed + at) for at in range(4)]
    together = CandidateSelector(several).advance(*(np.concatenate(kind) for kind in zip(*histories, strict=True)), FIRST)
    for at, terms in enumerate(several):
        alone = CandidateSelector([terms]).advance(*histories[at], FIRST)
        np.testing.assert_array_equal(together.target[at], alone.target[0])


@examples(10)
@given(st.lists(st.sampled_from([0.0, 1.0, 7.0, 1e6, float("nan")]), min_size=1, max_size=200))
def test_any_demand_gives_whole_finite_units(values):
    choice = CandidateSelector([TERMS]).advance(rows(values), rows(values), rows(values), FIRST)

    assert np.isfinite(choice.target).all()
    assert (choice.target >= 0).all()
    assert (choice.target == np.ceil(choice.target)).all()


@pytest.mark.parametrize("asked", [0.9, 0.97])
def test_a_warm_hit_rate_is_held_within_half_a_point_and_costs_less_than_a_higher_one(asked):
    rng = np.random.default_rng(8)
    peak = np.where(rng.random(12 * DAY) < 0.04, rng.poisson(4, 12 * DAY), 0).astype(np.float32)  # mostly cold without help
    spent = {}
    for rate in (asked, 0.995):
        target = CandidateSelector([replace(TERMS, warm_hit_rate=rate)]).advance(*demand(peak), FIRST).target[0]
        ready = np.zeros(len(peak))
        ready[4:] = np.minimum.reduce([target[at : len(target) - 4 + at] for at in range(3)])
        spilled = np.maximum(peak - ready, 0)
        alive = np.array([spilled[max(0, at - 6) : at].max(initial=0) for at in range(len(peak))])
        late = slice(5 * DAY, None)
        spent[rate] = ready[late].sum()
        warm = 1 - np.maximum(spilled - alive, 0)[late].sum() / (3 * peak[late].sum())
        assert warm == pytest.approx(rate, abs=0.005)

    assert spent[asked] < spent[0.995]


def test_candidate_names_are_unique():
    assert len({candidate.name for candidate in CANDIDATES}) == len(CANDIDATES)


@examples(15)
@given(st.integers(0, 10_000), st.integers(0, 14), st.integers(1, 15), st.sampled_from([None, 0.99]))
def test_a_preview_equals_the_choice_after_the_minutes_have_settled(seed, offset, unsettled, rate):
    """Minutes that may still change decide what is wanted now, and teach nothing."""
    terms = replace(TERMS, warm_hit_rate=rate)
    rows, settled = noisy(2 * DAY + 30, seed, gaps=0.2), 2 * DAY + offset
    whole, begun = (CandidateSelector([terms]) for _ in range(2))
    choice = whole.advance(*(column[:, : settled + unsettled] for column in rows), FIRST)
    begun.advance(*(column[:, :settled] for column in rows), FIRST)
    before = deepcopy(begun.state())
    peak, busy, invocations = (column[:, settled : settled + unsettled] for column in rows)
    preview = begun.preview(peak, busy, invocations, FIRST + settled)
    known = np.flatnonzero(~np.isnan(peak[0]))

    if len(known):
        at = settled + known[-1]
        assert [part[0, 0] for part in preview] == [part[0, at] for part in choice]
    after = begun.state()
    assert all(np.array_equal(before[name], after[name], equal_nan=True) for name in before)
