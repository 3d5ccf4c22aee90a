"""The pause grows while units stay warm, and stays below the pause in which they expire."""

from datetime import timedelta

import numpy as np
import pytest

from adapters.pinging.ping_interval import MAX_COUNTED, IdleTimeoutEstimator

MINUTE = timedelta(minutes=1)


def lived(life_minutes: float, rounds: int, seed: int = 1, longest: int = 60, units: int = 20):
    """Ping a pool whose units all expire after `life_minutes`, `rounds` times. Return the pauses and whether units expired."""
    life, rng, kept = IdleTimeoutEstimator(4 * MINUTE, longest * MINUTE), np.random.default_rng(seed), []
    for _ in range(rounds):
        pause = life.pause * float(rng.uniform(0.7, 1.0))
        died = pause > life_minutes * MINUTE
        life.note(pause, units, 0 if died else units, units if died else 0)
        kept.append((pause, died))
    return life, kept


@pytest.mark.parametrize("units", [1, 2, 20])
@pytest.mark.parametrize("minutes", [5, 6, 12, 45])
def test_the_pause_approaches_the_idle_lifetime_and_rarely_exceeds_it(minutes, units):
    life, kept = lived(minutes, 600, units=units)

    assert 0.6 * minutes * MINUTE < life.pause <= 1.3 * minutes * MINUTE
    assert sum(died for _, died in kept) <= 6


def test_the_pause_is_never_longer_than_allowed():
    life, kept = lived(600, 200, longest=15)

    assert life.pause == 15 * MINUTE
    assert max(pause for pause, _ in kept) <= 15 * MINUTE


def test_a_single_cold_unit_of_many_changes_nothing():
    life = IdleTimeoutEstimator(4 * MINUTE, 15 * MINUTE)
    life.note(4 * MINUTE, 20, 19, 1)

    assert life.pause >= 4 * MINUTE


@pytest.mark.parametrize("held", [2, 3, 5])
def test_one_expired_unit_of_a_few_in_each_round_shortens_the_pause(held):
    """Users keep the other units alive."""
    life = IdleTimeoutEstimator(4 * MINUTE, 60 * MINUTE)
    for _ in range(200):
        died = life.pause > 6 * MINUTE
        life.note(life.pause, held, held - died, died)

    assert 4 * MINUTE < life.pause < 7 * MINUTE


def test_a_round_right_after_another_does_not_shorten_the_pause_below_the_minimum():
    life = IdleTimeoutEstimator(4 * MINUTE, 15 * MINUTE)
    life.note(timedelta(seconds=2), 1, 0, 1)
    for _ in range(80):
        life.note(life.pause, 1, 1, 0)

    assert life.pause >= 4 * MINUTE


def test_expired_units_shorten_the_pause_and_the_validity_of_proofs():
    life = IdleTimeoutEstimator(8 * MINUTE, 15 * MINUTE)
    life.note(6 * MINUTE, 20, 3, 17)

    assert life.pause < 6 * MINUTE
    assert life.proof_lasts <= 6 * MINUTE


def test_after_an_outage_the_pause_recovers_to_its_initial_value():
    life = IdleTimeoutEstimator(4 * MINUTE, 15 * MINUTE)
    life.note(3 * MINUTE, 20, 0, 20)
    short = life.pause
    for _ in range(30):
        life.note(life.pause, 20, 20, 0)

    assert short < 3 * MINUTE
    assert life.pause >= 4 * MINUTE


@pytest.mark.parametrize(("held", "warm", "dead"), [(0, 0, 0), (1, 0, 0), (2, 1, 0), (3, 1, 1), (20, 14, 2)])
def test_a_round_with_too_many_unknown_units_changes_nothing(held, warm, dead):
    life = IdleTimeoutEstimator(4 * MINUTE, 60 * MINUTE)
    life.note(30 * MINUTE, held, warm, dead)

    assert life.pause == 4 * MINUTE


def test_a_single_unit_that_users_often_hold_is_not_pinged_all_the_time():
    life = IdleTimeoutEstimator(4 * MINUTE, 15 * MINUTE)
    for _ in range(100):
        life.note(life.pause, 1, 0, 1)

    assert life.pause == MINUTE


@pytest.mark.parametrize("minutes", [6, 9, 12])
def test_observations_bound_the_median_idle_lifetime(minutes):
    life, _ = lived(minutes, 600)

    assert life.seen.typical is None
    assert life.seen.low <= minutes * MINUTE
    assert life.seen.high is None or life.seen.high >= minutes * MINUTE
    assert life.seen.low >= 0.6 * minutes * MINUTE
    assert life.seen.observations > 1000


def test_units_that_end_at_random_give_no_upper_bound_before_half_of_them_have():
    life, rng = IdleTimeoutEstimator(4 * MINUTE, 60 * MINUTE), np.random.default_rng(3)
    for _ in range(300):
        pause = float(rng.uniform(4, 15))
        dead = int((rng.uniform(5, 60, 20) < pause).sum())
        life.note(pause * MINUTE, 20, 20 - dead, dead)

    assert life.seen.low >= 13 * MINUTE
    assert life.seen.high is None


def test_too_few_units_give_no_bound():
    life = IdleTimeoutEstimator(4 * MINUTE, 60 * MINUTE)
    life.note(5 * MINUTE, 4, 4, 0)

    assert (life.seen.low, life.seen.high, life.seen.observations) == (None, None, 4)


def test_newer_pauses_weigh_more_once_many_were_counted():
    life = IdleTimeoutEstimator(4 * MINUTE, 60 * MINUTE)
    for _ in range(300):
        life.note(12 * MINUTE, 20, 20, 0)
    before = life.seen.low
    for _ in range(600):
        life.note(8 * MINUTE, 20, 0, 20)

    assert (before, life.seen.low, life.seen.high) == (12 * MINUTE, None, 9 * MINUTE)
    assert life.seen.observations <= MAX_COUNTED


def test_units_that_users_may_have_kept_alive_are_not_counted():
    life = IdleTimeoutEstimator(4 * MINUTE, 60 * MINUTE)
    for _ in range(50):
        life.note(12 * MINUTE, 20, 20, 0, used=True)

    assert (life.seen.low, life.seen.observations) == (None, 0)
    assert life.pause > 12 * MINUTE, "the pause may still grow, as users keep the units alive"
