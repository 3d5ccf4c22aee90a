"""Where dollars come from."""

from datetime import timedelta

import pytest

from config.policy import Assume
from controller.economics import terms_of, whole_minutes
from tests.builders import pool_policy


def test_a_gigabyte_minute_costs_what_the_price_list_says():
    terms = terms_of(pool_policy(memory_mb=2048), Assume())

    assert terms.idle == pytest.approx(2 * 60 * 4.1667e-6)
    assert terms.warm_busy == pytest.approx(2 * 60 * 9.7222e-6)
    assert terms.on_demand == pytest.approx(2 * 60 * 1.66667e-5)


def test_a_cold_start_costs_the_wait_and_its_billed_initialisation():
    terms = terms_of(pool_policy(memory_mb=1024, init_seconds=8.0), Assume())

    assert terms.cold == pytest.approx(0.05 + 8 * 1.66667e-5)


def test_arm_is_cheaper():
    assert terms_of(pool_policy(), Assume(), architecture="arm64").idle < terms_of(pool_policy(), Assume()).idle


def test_what_the_policy_says_counts_before_what_was_measured():
    assert terms_of(pool_policy(init_seconds=3.0), Assume(), init_seconds=9.0).init_seconds == 3.0
    assert terms_of(pool_policy(init_seconds=None), Assume(), init_seconds=9.0).init_seconds == 9.0


def test_spans_are_rounded_up_to_minutes():
    assert whole_minutes(timedelta(seconds=150)) == 3
    assert whole_minutes(timedelta(minutes=2)) == 2
