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


def test_a_price_per_second_is_varied_like_a_price_and_prices_each_cold_start():
    own = replace(TERMS, cold_start_cost_usd_per_second=0.01, cold_start_cost_usd=0.08)
    settings = settings_around(setting_of(own))

    assert [settings[at].value for at in SEVEN] == [0.0016, 0.004, 0.01, 0.025, 0.062, 0.16, 0.39]
    assert settings[OWN] == Setting("cold_start_cost_usd_per_second", 0.01)
    assert settings[OWN].terms(own) == own
    dearer = settings[SEVEN[3]].terms(own)
    assert (dearer.cold_start_cost_usd_per_second, dearer.cold_start_cost_usd) == (0.025, 0.025 * own.init_seconds)
    assert setting_of(dearer) == settings[SEVEN[3]]
    assert Setting("cold_start_cost_usd", 0.1).terms(own).cold_start_cost_usd_per_second is None


@pytest.mark.parametrize("own", [Setting("cold_start_cost_usd", value) for value in (0.0, 1e-7, 0.05, 7.0, 1e9)]
                         + [Setting("cold_start_cost_usd_per_second", value) for value in (0.0, 1e-7, 0.006, 1e9)]
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


def test_a_table_has_the_unit_of_a_price_per_second_instead_of_its_long_key():
    assert Setting("cold_start_cost_usd_per_second", 0.006).text == "cold_start_cost_usd_per_second: 0.006"
    assert Setting("cold_start_cost_usd_per_second", 0.006).short == "0.006 USD a second"
    assert Setting("warm_hit_rate", 0.99).short == "warm_hit_rate: 0.99"
