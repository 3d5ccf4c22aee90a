"""Change of a pool's objective in a policy file: one value changes, and comments, formatting and other pools stay."""

import difflib

import pytest

from adapters.kinds import policy_kinds
from config.loading.loader import PolicyError, parse_policy
from config.loading.objective_edit import EditRefused, with_objective

KINDS = policy_kinds()
LEVER = "lever: {kind: lambda-provisioned-concurrency, region: us-east-1, function: NAME, alias: live}"
PRICE = ("cold_start_cost_usd", "0.12")


def lever(name: str) -> str:
    return LEVER.replace("NAME", name)


TWO = f"""# our pools
version: 1
defaults:
  objective: {{cold_start_cost_usd: 0.05}}   # agreed in March
pools:
  - name: chat      # the busy one
    {lever("chat")}
    max: 50

  - name: "batch"
    {lever("batch")}
    max: 5
    objective:
      cold_start_cost_usd: 0.01  # nobody waits
"""


def changes(before: str, after: str) -> list[str]:
    """Lines that differ, with their sign."""
    found = difflib.unified_diff(before.splitlines(), after.splitlines(), n=0, lineterm="")
    return [line for line in found if not line.startswith(("---", "+++", "@@"))]


def edited(text: str, pool: str, objective: tuple[str, str] = PRICE) -> str:
    return with_objective(text, KINDS, "policy.yaml", pool, objective)


def test_a_value_of_the_pool_is_replaced_and_its_comment_stays():
    assert changes(TWO, edited(TWO, "batch")) == [
        "-      cold_start_cost_usd: 0.01  # nobody waits", "+      cold_start_cost_usd: 0.12  # nobody waits"]


def test_a_pool_that_takes_the_objective_from_defaults_gets_its_own():
    changed = edited(TWO, "chat")

    assert changes(TWO, changed) == ["+    objective: {cold_start_cost_usd: 0.12}"]
    assert changed.splitlines()[6] == "    objective: {cold_start_cost_usd: 0.12}"
    assert [pool.objective.cold_start_cost_usd for pool in parse_policy(changed, KINDS).pools] == [0.12, 0.01]


def test_a_value_in_brackets_is_replaced_in_place():
    text = f"version: 1\npools:\n- {{name: chat, objective: {{warm_hit_rate: 0.99}}, {lever('chat')}, max: 5}}\n"

    assert edited(text, "chat", ("warm_hit_rate", "0.995")) == text.replace("0.99}", "0.995}")


def test_a_pool_in_brackets_gets_its_objective_after_its_name():
    text = f"version: 1\npools: [{{name: chat, {lever('chat')}, max: 5}}]\n"

    assert edited(text, "chat") == text.replace("name: chat,", "name: chat, objective: {cold_start_cost_usd: 0.12},")


def test_another_kind_of_objective_replaces_the_whole_of_it():
    changed = edited(TWO.replace("cold_start_cost_usd: 0.01", "warm_hit_rate: 0.9"), "batch")

    assert [pool.objective.cold_start_cost_usd for pool in parse_policy(changed, KINDS).pools] == [0.05, 0.12]


def test_a_pool_without_a_name_on_one_line_gets_its_objective_first():
    text = f"version: 1\npools:\n  - name:\n      chat\n    {lever('chat')}\n    max: 5\n"

    assert edited(text, "chat") == text.replace("- name:", "- objective: {cold_start_cost_usd: 0.12}\n    name:")


@pytest.mark.parametrize("line_break", ["\r\n", "\r"])
def test_line_breaks_and_a_byte_order_mark_stay(line_break):
    text = "\ufeff" + TWO.replace("\n", line_break)
    changed = edited(text, "chat")

    assert changed.replace(f"{line_break}    objective: {{cold_start_cost_usd: 0.12}}", "", 1) == text


def test_a_file_without_a_line_break_at_its_end_stays_valid():
    text = f"version: 1\npools:\n  - max: 5\n    {lever('chat')}\n    name: chat"

    assert edited(text, "chat") == text + "\n    objective: {cold_start_cost_usd: 0.12}"


def test_text_before_the_change_may_have_characters_of_any_width():
    text = TWO.replace("# our pools", "# Zürich 東京 🙂").replace("# the busy one", "# größte 🙂")

    assert changes(text, edited(text, "batch"))[1] == "+      cold_start_cost_usd: 0.12  # nobody waits"


SHARED = f"""version: 1
pools:
  - name: chat
    {lever("chat")}
    max: 50
    objective: &price {{cold_start_cost_usd: 0.05}}
  - name: batch
    {lever("batch")}
    max: 5
    objective: *price
"""


def test_an_alias_is_refused_with_its_line_and_that_of_the_anchor():
    with pytest.raises(EditRefused, match=r"^policy\.yaml:10: the objective is an alias of the anchor in line 6; replace the "):
        edited(SHARED, "batch")


def test_an_anchor_that_another_pool_uses_is_refused_with_its_line():
    with pytest.raises(EditRefused, match=r"^policy\.yaml:6: other values depend on this place"):
        edited(SHARED, "chat")


def test_an_anchored_number_is_refused_with_its_line():
    text = SHARED.replace("&price {cold_start_cost_usd: 0.05}", "{cold_start_cost_usd: &price 0.05}").replace(
        "*price", "{cold_start_cost_usd: *price}")

    for pool, line in (("chat", 6), ("batch", 10)):
        with pytest.raises(EditRefused, match=rf"^policy\.yaml:{line}: other values share this one by an anchor"):
            edited(text, pool)


def test_a_pool_with_a_merge_key_gets_its_own_objective():
    text = f"""version: 1
pools:
  - &base
    name: chat
    {lever("chat")}
    max: 50
    objective: {{cold_start_cost_usd: 0.05}}
  - <<: *base
    name: batch
    {lever("batch")}
"""
    assert changes(text, edited(text, "batch")) == ["+    objective: {cold_start_cost_usd: 0.12}"]
    with pytest.raises(EditRefused, match=r"^policy\.yaml:7: "):
        edited(text, "chat")


def test_an_invalid_policy_is_refused_with_its_problems():
    with pytest.raises(PolicyError, match="max"):
        edited(TWO.replace("max: 50", "max: -1"), "chat")
