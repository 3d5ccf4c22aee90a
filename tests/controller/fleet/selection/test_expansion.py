"""Pools of `select` entries: which resources become pools, under which names, and where the bounds end that."""

import numpy as np

from adapters.aws.settings import LambdaProvisionedConcurrencySettings
from adapters.kinds import policy_kinds
from adapters.ports.discovery import Found, Size
from config.loading.loader import parse_policy
from controller.fleet.selection.expansion import expanded, unexpanded
from controller.fleet.selection.inventory import Inventory, Resource

ROLES = [f"arn:aws:iam::{number * 12}:role/stoker" for number in "123"]
HEAD = "version: 1\ndefaults: {max: 10}\n"
ENTRY = "  - lever: {kind: lambda-provisioned-concurrency, region: us-east-1}\n    include: {name: 'agent-*', alias: live}\n"


def policy(text: str = f"select:\n{ENTRY}"):
    return parse_policy(HEAD + text, policy_kinds())


def found(function: str, alias: str = "live", tags=None, memory_mb=1024) -> Found:
    lever = LambdaProvisionedConcurrencySettings.model_validate(
        {"kind": "lambda-provisioned-concurrency", "region": "us-east-1", "function": function, "alias": alias})
    return Found(function, lever, "", alias, tags, size=Size(memory_mb, "x86_64"))


def inventory(*functions, key="region=us-east-1") -> Inventory:
    resources = [each if isinstance(each, Found) else found(each) for each in functions]
    return Inventory({key: tuple(map(Resource.of, resources))})


def names(expansion) -> list[str]:
    return [pool.name for pool in expansion.policy.pools]


def test_resources_that_match_become_pools_with_the_settings_of_the_entry():
    text = f"select:\n{ENTRY}    exclude: {{name: ['*-test']}}\n    mode: active\n    min: 2\n"
    expansion = expanded(policy(text), inventory("agent-b", "agent-a", "other", "agent-test", found("agent-a", "old")))
    first, second = expansion.policy.pools

    assert names(expansion) == ["agent-a", "agent-b"] == list(expansion.policy.selected)
    assert (first.mode, first.min, first.max, first.lever.function, first.lever.alias) == ("active", 2, 10, "agent-a", "live")
    assert second.demand is None, "the usual source of each function"


def test_the_order_of_the_listing_changes_nothing():
    functions = [f"agent-{number}" for number in range(30)]
    sorted_ones = expanded(policy(), inventory(*functions)).policy
    np.random.Generator(np.random.PCG64(7)).shuffle(functions)

    assert expanded(policy(), inventory(*functions)).policy == sorted_ones


def test_a_tag_must_exist_and_match_and_one_key_of_exclude_is_enough():
    text = "select:\n" + ENTRY.replace("name: 'agent-*', alias: live", "tags: {warm: ['yes', 'on']}") + (
        "    exclude: {name: b, tags: {stage: test}}\n")
    listed = inventory(found("a", tags={"warm": "on"}), found("b", tags={"warm": "on"}), found("c", tags={"warm": "no"}), "d",
                       found("e", tags={"warm": "yes", "stage": "test"}), found("f", tags={"warm": "yes", "stage": "live"}))

    assert names(expanded(policy(text), listed)) == ["a", "f"]


def test_a_pool_of_the_file_and_an_earlier_entry_go_first():
    own = ("pools:\n  - name: mine\n    lever: {kind: lambda-provisioned-concurrency, region: us-east-1, function: agent-a, "
           "alias: live}\n")
    narrow = ENTRY.replace("agent-*", "agent-b") + "    min: 3\n"
    expansion = expanded(policy(f"{own}select:\n{narrow}{ENTRY}"), inventory("agent-a", "agent-b", "agent-c"))

    assert [(pool.name, pool.min) for pool in expansion.policy.pools] == [("mine", 0), ("agent-b", 3), ("agent-c", 0)]
    assert expansion.left_out == ()


def test_one_function_name_in_three_accounts_needs_a_template():
    roles = ", ".join(f"{{role_arn: '{role}'}}" for role in ROLES)
    text = f"select:\n{ENTRY}    credentials: [{roles}]\n"
    everywhere = Inventory({listing.key: (Resource.of(found("agent-a")),) for listing in policy(text).select[0].listings})
    alike, apart = (expanded(policy(text + more), everywhere) for more in ("", "    name: '{account}-{function}'\n"))

    assert (names(alike), len(alike.left_out)) == (["agent-a"], 2)
    assert "the name agent-a is that of agent-a:live in us-east-1 of 111111111111: use more keys" in alike.left_out[0].why
    assert names(apart) == [f"{number * 12}-agent-a" for number in "123"]
    assert [pool.account for pool in apart.policy.pools] == [number * 12 for number in "123"]


def test_a_name_that_no_pool_can_have_is_reported():
    text = "select:\n" + ENTRY.replace("agent-*", "*")

    (left_out,) = expanded(policy(text), inventory("_a")).left_out
    assert left_out.why == "'_a' is not a valid name of a pool: give the entry another template (name)"


def test_at_the_bound_of_pools_present_ones_stay_and_none_is_added():
    text = f"select:\n{ENTRY}    most: 2\n"
    first = expanded(policy(text), inventory("agent-b", "agent-c"))
    later = expanded(first.policy, inventory("agent-a", "agent-b", "agent-c"), set(first.policy.selected))

    assert names(later) == ["agent-b", "agent-c"]
    (left_out,) = later.left_out
    assert (left_out.bound, left_out.resource) == (True, "agent-a:live in us-east-1")
    assert left_out.why == "most: 2 is reached: raise it, or include fewer"


def test_a_lower_bound_removes_no_pool():
    before = expanded(policy(), inventory("agent-a", "agent-b", "agent-c"))
    lowered = policy(f"select:\n{ENTRY}    most: 1\n")

    assert names(expanded(lowered, inventory("agent-a", "agent-b", "agent-c"), set(before.policy.selected))) == names(before)


def test_the_cost_of_all_units_at_max_is_bounded_at_the_list_price():
    listed = inventory(*(found(f"agent-{number}", memory_mb=2048) for number in range(5)))
    each = 10 * 2 * 4.1667e-6 * 365 * 24 * 3600 / 12
    bounded = expanded(policy(f"select:\n{ENTRY}    most_usd_per_month: {3.5 * each:.2f}\n"), listed)

    assert [round(pool.usd_per_month, 6) for pool in bounded.selected] == [round(each, 6)] * 3
    assert {left.bound for left in bounded.left_out} == {True}
    assert "most_usd_per_month: " in bounded.left_out[0].why


def test_keys_in_braces_are_replaced_in_the_demand_source():
    query = "max_over_time(inflight{f=\"{function}\"}[1m])"
    text = f"select:\n{ENTRY}    demand: {{kind: prometheus, url: 'http://p:9090', peak: '{query}'}}\n"
    (pool,) = expanded(policy(text), inventory("agent-a")).policy.pools

    assert pool.demand.peak == 'max_over_time(inflight{f="agent-a"}[1m])'


def test_an_expanded_policy_is_expanded_again_from_the_file():
    once = expanded(policy(), inventory("agent-a", "agent-b")).policy

    assert expanded(once, inventory("agent-b")).policy.selected == ("agent-b",)
    assert unexpanded(once) == policy()


def test_ten_thousand_functions_are_expanded_with_valid_pools():
    many = policy(f"select:\n{ENTRY}    most: 20000\n")

    assert len(expanded(many, inventory(*(f"agent-{number}" for number in range(10_000)))).selected) == 10_000
