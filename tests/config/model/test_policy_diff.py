"""The difference between two policies: by pool, with both values of each changed key."""

import pytest

from adapters.kinds import policy_kinds
from config.loading.loader import parse_policy
from config.model.policy_diff import Change, policy_diff

LEVER = "{{kind: lambda-provisioned-concurrency, region: us-east-1, function: {0}, alias: live}}"
POOL = "  - {{name: {0}, lever: " + LEVER + ", max: {1}}}\n"


def policy(pools, head=""):
    text = "version: 1\n" + head + "pools:\n" + "".join(POOL.format(name, most) for name, most in pools.items())
    return parse_policy(text, policy_kinds())


def test_equal_policies_do_not_differ():
    assert not policy_diff(policy({"a": 5}), policy({"a": 5}, "# a comment\n"))


def test_order_of_pools_does_not_count():
    assert not policy_diff(policy({"a": 5, "b": 6}), policy({"b": 6, "a": 5}))


def test_pools_are_added_removed_and_changed_by_name():
    diff = policy_diff(policy({"a": 5, "b": 6, "c": 7}), policy({"c": 8, "b": 6, "d": 1}))

    assert (diff.added, diff.removed) == (("d",), ("a",))
    assert diff.changed == {"c": (Change("max", 7, 8),)}
    assert not diff.fleet


def test_a_changed_default_changes_each_pool_that_has_it():
    diff = policy_diff(policy({"a": 5, "b": 6}), policy({"a": 5, "b": 6}, "defaults: {scale_down_delay: 15m}\n"))

    assert diff.changed == {name: (Change("scale_down_delay", "0s", "15m"),) for name in "ab"}


def test_nested_keys_and_list_items_have_their_place():
    window = 'defaults: {{schedules: [{{cron: "0 8 * * *", timezone: UTC, duration: 1h, min: {0}}}], objective: {{{1}}}}}\n'
    diff = policy_diff(policy({"a": 9}, window.format(2, "cold_start_cost_usd: 0.1")),
                       policy({"a": 9}, window.format(3, "warm_hit_rate: 0.9")))

    assert diff.changed["a"] == (Change("objective.cold_start_cost_usd", 0.1, None), Change("objective.warm_hit_rate", None, 0.9),
                                 Change("schedules[0].min", 2, 3))


def test_a_lever_of_another_kind_is_compared_key_by_key():
    other = parse_policy("version: 1\npools:\n" + POOL.format("a", 5).replace("live", "blue"), policy_kinds())

    assert policy_diff(policy({"a": 5}), other).changed == {"a": (Change("lever.alias", "live", "blue"),)}


@pytest.mark.parametrize(("head", "keys", "restart"), [
    ("limits: {usd_per_hour: 5}\n", {"limits.usd_per_hour"}, ()),
    ("assume: {metric_delay: 3m}\n", {"assume.metric_delay"}, ()),
    ("statsd: {address: '127.0.0.1:8125'}\n", {"statsd"}, ("statsd",)),
    ("lease: {kind: sqlite, path: /tmp/lease.db}\n", {"lease"}, ("lease",)),
])
def test_keys_outside_of_pools_are_listed_and_some_need_a_restart(head, keys, restart):
    diff = policy_diff(policy({"a": 5}), policy({"a": 5}, head))

    assert {change.key for change in diff.fleet} == keys
    assert diff.restart_keys == restart
