"""The life of pinged units is learned from how many have stopped between rounds."""

from datetime import timedelta

import numpy as np
import pytest

from adapters.pinging.ping_interval import IdleTimeoutEstimator
from adapters.pinging.unit_life import MOST_STOPPED, USUAL, UnitLife
from controller.decision.costs.cost_model import LASTING

MINUTE = timedelta(minutes=1)


def learned(mean, rounds, life=None, units=20, pause=4, seed=1):
    """Keep `units` for a number of rounds; each lasts `mean` minutes on average, whatever its age."""
    life, rng = life or UnitLife(), np.random.default_rng(seed)
    for _ in range(rounds):
        stopped = int(rng.binomial(units, 1 - np.exp(-pause / mean)))
        life.note(pause * MINUTE, units - stopped, stopped)
    return life


@pytest.mark.parametrize("mean", [30, 120, 360])
def test_the_life_that_units_have_is_learned(mean):
    assert learned(mean, 3000).span / MINUTE == pytest.approx(mean, rel=0.25)


@pytest.mark.parametrize("units", [1, 20])
def test_a_few_units_change_little(units):
    assert learned(1e9, 1200 // (4 * units), units=units).span == 1.5 * USUAL


def test_before_a_round_nothing_is_known_and_the_assumption_is_that_of_the_costs():
    assert UnitLife().span is None
    assert USUAL == LASTING


def test_a_process_continues_from_the_life_that_an_earlier_one_learned():
    life = UnitLife()
    life.assume(360 * MINUTE)
    life.note(4 * MINUTE, 20, 0)

    assert 360 * MINUTE <= life.span < 370 * MINUTE


def test_a_round_in_which_most_units_have_stopped_says_nothing_about_their_age():
    life = learned(120, 50)
    before = life.span
    life.note(30 * MINUTE, 3, 17)

    assert life.span == before


def test_a_shorter_life_is_noticed_after_a_long_time():
    life = learned(360, 20_000)
    assert learned(60, 600, life).span < 90 * MINUTE
    assert life._stopped <= MOST_STOPPED + 20


def test_rounds_after_use_by_users_do_not_count():
    estimator = IdleTimeoutEstimator(4 * MINUTE, 15 * MINUTE)
    estimator.note(4 * MINUTE, 20, 15, 5, used=True)
    assert estimator.life.span is None
    estimator.note(4 * MINUTE, 20, 20, 0)
    assert estimator.life.span > USUAL
