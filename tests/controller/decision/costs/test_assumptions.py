"""Assumptions that a backtest reports."""

import pytest

from config.model.policy import Assume, PriceOverride
from controller.decision.costs.assumptions import assumed_text, assumptions, common_text, periods_text, zeros_text
from controller.decision.costs.cost_model import terms_of
from tests.builders import pool_policy

WHOLE = {"memory_mb": 2048, "init_seconds": 3.0, "architecture": "arm64"}


def test_a_complete_policy_needs_no_assumptions():
    assert assumptions(pool_policy(**WHOLE)) == {}


@pytest.mark.parametrize("key", WHOLE)
def test_missing_policy_values_are_assumed_and_change_the_terms(key):
    partial = pool_policy(**{**WHOLE, key: None})

    assert list(assumptions(partial)) == [key]
    assert terms_of(partial, Assume()) != terms_of(pool_policy(**WHOLE), Assume())


def test_prices_of_the_policy_need_no_architecture():
    prices = PriceOverride(idle=1.0, warm_busy=1.0, on_demand=1.0)
    assert list(assumptions(pool_policy(**WHOLE | {"architecture": None}, prices=prices))) == []


def test_processors_and_billing_of_cloud_run_are_assumed_unless_the_policy_has_prices():
    from adapters.gcp.settings import CloudRunMinInstancesSettings

    settings = {"kind": "cloud-run-min-instances", "project": "acme", "location": "europe-west1", "service": "chat"}
    pool = pool_policy(**WHOLE).model_copy(update={"lever": CloudRunMinInstancesSettings.model_validate(settings)})
    prices = PriceOverride(idle=1.0, warm_busy=1.0, on_demand=1.0)

    assert assumptions(pool) == {"prices": "1 vCPU, billed by request"}
    assert assumptions(pool.model_copy(update={"prices": prices})) == {}


def test_assumptions_in_words_name_the_keys_to_set():
    bare = assumptions(pool_policy())

    assert assumed_text(bare) == "1,024 MB of memory (memory_mb), 8 s of initialisation (init_seconds), x86_64 (architecture)"
    assert common_text([bare, {}, {"memory_mb": bare["memory_mb"]}]).startswith("1,024 MB of memory (memory_mb) for 2 pools, 8 s")
    assert common_text([{}]) == assumed_text({}) == ""


def test_idle_minutes_of_histories_without_a_gap_are_reported():
    assert zeros_text({"a": 0}) == ""
    assert "in a history without a gap: 1,200 of a, 7 of c. If gaps" in zeros_text({"a": 1200, "b": 0, "c": 7})
    assert "1 of c and those of 2 more pools" in zeros_text(dict.fromkeys("abcde", 1))


def test_histories_of_longer_periods_are_reported():
    assert periods_text({"a": 1}) == ""
    assert "longer periods than 1 min: 5 min for a, 15 min for c. The" in periods_text({"a": 5, "b": 1, "c": 15})
    assert "5 min for c and 2 more pools" in periods_text(dict.fromkeys("abcde", 5))
