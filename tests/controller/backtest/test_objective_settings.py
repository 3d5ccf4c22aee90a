"""Settings that a frontier replays: a geometric series around the policy's, of values that a policy accepts."""

from dataclasses import replace

import numpy as np
import pytest

from config.model.policy import Objective
from controller.backtest.objective_settings import FACTORS, OWN, SEVEN, Setting, setting_of, settings_around
from tests.controller.backtest.test_replay import TERMS


def test_a_frontier_replays_seven_prices_below_and_above_that_of_the_policy():
    settings = settings_around(setting_of(TERMS))

    assert [settings[at].value for at in SEVEN] == [0.008, 0.02, 0.05, 0.12, 0.31, 0.78, 2.0]
    assert settings[OWN] == Setting("cold_start_cost_usd", 0.05)
    assert OWN in SEVEN
    np.testing.assert_allclose(np.diff(np.log([FACTORS[at] for at in SEVEN])), np.log(2.5))


def test_a_warm_hit_rate_is_varied_by_its_share_of_cold_starts():
    settings = settings_around(setting_of(replace(TERMS, warm_hit_rate=0.99)))

    assert [settings[at].value for at in SEVEN] == [0.941, 0.975, 0.99, 0.996, 0.9984, 0.99935, 0.99974]


@pytest.mark.parametrize("own", [Setting("cold_start_cost_usd", value) for value in (0.0, 1e-7, 0.05, 7.0, 1e9)]
                         + [Setting("warm_hit_rate", value) for value in (1e-6, 0.2, 0.5, 0.99, 0.999999)])
def test_a_policy_accepts_every_setting(own):
    settings = settings_around(own)

    assert settings[OWN] == own
    assert len(settings) == len(FACTORS)
    for setting in settings:
        Objective(**{setting.key: float(setting.number)})
        assert float(setting.number) == setting.value


def test_a_setting_reads_as_the_line_of_a_policy():
    assert Setting("cold_start_cost_usd", 0.000012).text == "cold_start_cost_usd: 0.000012"
    assert Setting("cold_start_cost_usd", 2.0).text == "cold_start_cost_usd: 2"
    assert Setting("warm_hit_rate", 0.99935).text == "warm_hit_rate: 0.99935"
