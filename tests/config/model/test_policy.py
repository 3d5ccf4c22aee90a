"""Policy models are strict, frozen and closed."""

from datetime import timedelta

import pytest
from pydantic import ValidationError

from config.model.lever import LeverSettings
from config.model.policy import Assume, Objective, Policy, PoolPolicy, PriceOverride


class Settings(LeverSettings):
    """A lever for these tests."""

    function: str
    alias: str | None = None


def pool(**changes: object) -> PoolPolicy:
    return PoolPolicy.model_validate({"name": "agent", "lever": Settings(kind="test", function="f"), "max": 10} | changes)


def test_a_pool_requires_only_name_lever_and_ceiling():
    plain = pool()

    assert (plain.mode, plain.min, plain.on_missing_metrics, plain.on_foreign_write) == ("shadow", 0, "hold", "yield")
    assert plain.objective == Objective(cold_start_cost_usd=0.05)
    assert plain.schedules == ()
    assert plain.scale_down_delay == timedelta(0)
    assert (plain.max_step_up, plain.max_step_down, plain.budget_usd_per_month, plain.prices) == (None, None, None, None)
    assert (plain.memory_mb, plain.architecture, plain.init_seconds) == (None, None, None)


def test_assumptions_have_the_documented_defaults():
    assert Assume() == Assume(metric_delay="2m", lead_time="2m", keep_alive=None)
    assert Policy(pools=(pool(),)).assume == Assume()


def test_the_lever_keeps_its_class_and_serialises_all_fields():
    assert type(pool().lever) is Settings
    assert pool().model_dump(mode="json")["lever"] == {"kind": "test", "function": "f", "alias": None}


def test_a_resource_is_one_line_without_unset_fields():
    assert Settings(kind="test", function="f").resource == "function=f"
    assert Settings(kind="test", function="f", alias="live").resource == "function=f alias=live"


def test_models_are_frozen_and_hashable():
    with pytest.raises(ValidationError, match="frozen"):
        pool().min = 3
    assert hash(pool()) == hash(pool())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"min": 11}, "max 10 is below min 11"),
        ({"max": -1}, "greater than or equal to 0"),
        ({"max": 1_000_001}, "less than or equal to 1000000"),
        ({"max": "10"}, "valid integer"),
        ({"max": 10.0}, "valid integer"),
        ({"max": True}, "valid integer"),
        ({"name": "a/b"}, "match pattern"),
        ({"name": ".."}, "match pattern"),
        ({"name": "agent\n"}, "match pattern"),
        ({"name": "a b"}, "match pattern"),
        ({"name": ""}, "match pattern"),
        ({"name": "a" * 81}, "match pattern"),
        ({"mode": "on"}, "'shadow' or 'active'"),
        ({"max_step_up": 0}, "greater than or equal to 1"),
        ({"budget_usd_per_month": 0}, "greater than 0"),
        ({"budget_usd_per_month": float("inf")}, "finite|less than"),
        ({"init_seconds": float("nan")}, "finite|greater than"),
        ({"scale_down_delay": "25h"}, "1d1h is too long"),
        ({"objective": {}}, "none is given"),
        ({"objective": {"cold_start_cost_usd": 0.1, "warm_hit_rate": 0.9}}, "cold_start_cost_usd and warm_hit_rate are given"),
        ({"objective": {"cold_start_cost_usd_per_second": 0.1, "warm_hit_rate": 0.9}},
         "cold_start_cost_usd_per_second and warm_hit_rate are given"),
        ({"objective": {"cold_start_cost_usd_per_second": -0.1}}, "greater than or equal to 0"),
        ({"objective": {"warm_hit_rate": 1}}, "less than 1"),
        ({"objective": {"cold_start_cost_usd": -0.1}}, "greater than or equal to 0"),
        ({"prices": {"idle": 1.0}}, "Field required"),
        ({"schedules": [{"cron": "0 8 * * *", "duration": "1h", "min": 11}]}, "min 11 is above the pool's max 10"),
        ({"extra": 1}, "Extra inputs"),
    ],
)
def test_an_invalid_pool_is_rejected(changes, message):
    with pytest.raises(ValidationError, match=message):
        pool(**changes)


def test_a_whole_number_is_accepted_as_a_number():
    priced = pool(init_seconds=8, prices={"idle": 0, "warm_busy": 1, "on_demand": 2e-6})

    assert priced.init_seconds == 8.0
    assert priced.prices == PriceOverride(idle=0.0, warm_busy=1.0, on_demand=2e-6)


@pytest.mark.parametrize(("key", "value", "usd"), [
    ("cold_start_cost_usd", 0.05, 0.05), ("cold_start_cost_usd_per_second", 0.25, 1.0), ("warm_hit_rate", 0.9, None)])
def test_a_cold_start_of_four_seconds_has_the_price_of_its_objective(key, value, usd):
    assert Objective(**{key: value}).usd_of_cold_start(4.0) == usd


def test_names_are_unique_in_a_policy():
    with pytest.raises(ValidationError, match="two pools are named agent"):
        Policy(pools=(pool(), pool()))


def test_a_policy_without_pools_is_rejected():
    with pytest.raises(ValidationError, match="give at least one pool, or select"):
        Policy(pools=())
