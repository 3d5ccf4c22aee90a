"""The policy of a top layer, and the keys of layers in a file."""

import json
import re
from pathlib import Path

import pytest

from adapters.kinds import policy_kinds
from config.loading.loader import parse_policy
from config.model.layers import base_name, in_file_keys, top_policy, with_layers
from config.model.policy import PoolPolicy

BASE = {"kind": "lambda-provisioned-concurrency", "region": "us-east-1", "function": "pool", "alias": "live"}
TOP = BASE | {"kind": "lambda-ping", "handler": "stoker", "opted_in": True}
EVERYTHING = {
    "name": "agent", "max": 40, "min": 3, "mode": "active", "on_exit": "floor", "objective": {"warm_hit_rate": 0.9},
    "memory_mb": 512, "architecture": "arm64", "init_seconds": 4, "prices": {"idle": 1.0, "warm_busy": 2.0, "on_demand": 3.0},
    "on_missing_metrics": "forecast", "on_quiet_region": "trust", "missing_metrics_limit": "2h",
    "schedules": [{"cron": "0 8 * * *", "duration": "1h", "min": 5}], "dead_man": {"after": "30m"}, "keep_setting": True,
    "events": [{"name": "launch", "factor": 2, "start": "2026-12-01", "duration": "1h"}], "scale_down_delay": "15m",
    "max_step_up": 3, "max_step_down": 2, "budget_usd_per_month": 50, "warmer": {"every": "5m", "requests": 2},
    "prewarm": {"max_units": 2}, "on_foreign_write": "yield", "demand": {"kind": "none"},
    "credentials": {"role_arn": "arn:aws:iam::111122223333:role/stoker"},
}
RESET = {"name", "lever", "top", "min", "on_foreign_write", "schedules", "events", "leads", "dead_man", "keep_setting",
         "scale_down_delay", "max_step_up", "max_step_down", "budget_usd_per_month", "warmer", "prewarm"}


def pool(**changes: object) -> PoolPolicy:
    """Return the policy of one pool that sets every key."""
    text = json.dumps({"version": 1, "pools": [EVERYTHING | {"levers": [BASE, TOP]} | changes]})
    return parse_policy(text, policy_kinds()).pools[0]


def test_the_policy_of_a_layer_keeps_what_both_share_and_has_no_floor():
    whole = pool()
    top = top_policy(whole)

    assert (top.name, top.layer_of, top.lever, top.top, top.min, top.max) == ("agent:pings", "agent", whole.top, None, 0, 40)
    assert top.on_foreign_write == "reassert"
    plain = PoolPolicy(name="a", lever=whole.lever, max=1)
    for key in RESET - {"name", "lever", "on_foreign_write"}:
        assert getattr(top, key) == getattr(plain, key), key
    for key in set(PoolPolicy.model_fields) - RESET:
        assert getattr(top, key) == getattr(whole, key) != (key == "max" or getattr(plain, key)), key


def test_a_pool_with_one_lever_has_no_policy_of_a_layer():
    assert top_policy(pool(levers=[BASE])) is None


def test_each_pool_is_followed_by_its_layer():
    single, whole = pool(name="single", levers=[BASE]), pool()

    assert list(with_layers([single, whole])) == [single, whole, top_policy(whole)]


def test_the_name_of_a_layer_is_no_valid_name_of_a_pool():
    top = top_policy(pool())

    with pytest.raises(ValueError, match="pattern"):
        PoolPolicy(name=top.name, lever=top.lever, max=1)
    assert (base_name(top.name), base_name("agent")) == ("agent", "agent")


@pytest.mark.parametrize("levers", [[BASE], [BASE, TOP]])
def test_the_file_keys_of_a_pool_load_as_the_same_pool(levers):
    whole = pool(levers=levers)
    body = in_file_keys(whole, without_none=True)

    assert ("levers" in body, "lever" in body, "top" in body) == (len(levers) == 2, len(levers) == 1, False)
    again = parse_policy(json.dumps({"version": 1, "pools": [body]}), policy_kinds()).pools[0]
    assert again.model_dump(exclude={"events"}) == whole.model_dump(exclude={"events"})


def test_the_policy_of_the_page_on_layers_is_valid():
    page = (Path(__file__).parents[3] / "docs" / "layers.md").read_text()
    block = re.search(r"```yaml\n(.*?)```", page, re.DOTALL)
    (found,) = parse_policy(f"version: 1\n{block[1]}", policy_kinds()).pools

    assert (found.lever.kind, found.top.kind, found.min, found.max) == ("lambda-provisioned-concurrency", "lambda-ping", 2, 60)


def test_file_keys_without_a_value_are_shown_unless_left_out():
    assert in_file_keys(pool(memory_mb=None))["memory_mb"] is None
    assert "memory_mb" not in in_file_keys(pool(memory_mb=None), without_none=True)
