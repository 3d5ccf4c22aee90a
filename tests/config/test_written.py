"""The example and the documentation contain every key of the models and no other key."""

import re
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import BaseModel
from pydantic.fields import FieldInfo

import config
from adapters.kinds import policy_kinds
from config.loading.loader import TOP_KEYS, load_policy, parse_policy
from config.loading.wording import keys_of
from config.model.credentials import Credentials
from config.model.dead_man import DeadMan
from config.model.demand import DemandSettings
from config.model.duration import format_duration
from config.model.event import Event, Holidays
from config.model.lever import LeverSettings
from config.model.limits import Limits
from config.model.notify import Sink
from config.model.policy import Assume, Objective, PoolPolicy, PriceOverride
from config.model.schedule import Schedule
from config.model.select import Match, Selection
from config.yaml_text.document import read_document
from config.yaml_text.node import Node

EXAMPLE = Path(config.__file__).parent / "example.yaml"
DOCS = Path(__file__).parents[2] / "docs" / "policy.md"
SECTIONS: dict[str, type[BaseModel]] = {
    "Pool": PoolPolicy, "Objective": Objective, "Schedule": Schedule, "Event": Event, "Holidays": Holidays,
    "Prices": PriceOverride, "Limits": Limits, "Notify": Sink, "Assume": Assume,
    "Dead man": DeadMan, "Select": Selection,
    "Lever": LeverSettings,
    "Demand": DemandSettings,
}


def nodes(node: Node, path: str = "") -> list[tuple[str, Node]]:
    """Return every mapping of a document by its path without numbers."""
    below = [found for key, member in node.members.items() for found in nodes(member, f"{path}.{key}".lstrip("."))]
    below += [found for item in node.items for found in nodes(item, path)]
    return [(path, node), *below] if node.kind == "mapping" else below


def keys_by_path(text: str) -> dict[str, set[str]]:
    root, _ = read_document(text)
    assert root is not None
    found: dict[str, set[str]] = {}
    for path, node in nodes(root):
        found.setdefault(path, set()).update(node.members)
    return found


def table(section: str, level: str = "##") -> dict[str, str]:
    """Return key and default of each row of the table under a heading."""
    page = DOCS.read_text()
    body = re.search(rf"^{level} {re.escape(section)}\n(.*?)(?=^##|\Z)", page, re.MULTILINE | re.DOTALL)
    assert body is not None, f"docs/policy.md has no section {section}"
    return dict(re.findall(r"^\| `(\w+)` \| ([^|]+) \| [^|]+ \|$", body[1], re.MULTILINE))


def test_the_example_is_valid():
    policy = load_policy(EXAMPLE, policy_kinds())

    assert {pool.mode for pool in policy.pools} == {"shadow", "active"}
    assert {pool.objective.warm_hit_rate for pool in policy.pools} == {None, 0.99}


def test_the_example_uses_every_key_of_every_model():
    found = keys_by_path(EXAMPLE.read_text())

    assert found[""] == set(TOP_KEYS)
    assert found["pools"] | found["defaults"] == set(keys_of(PoolPolicy))
    assert found["pools.credentials"] <= set(Credentials.model_fields)
    assert found["pools.objective"] | found["defaults.objective"] == set(Objective.model_fields)
    assert found["pools.schedules"] == set(Schedule.model_fields)
    assert found["pools.events"] == set(Event.model_fields)
    assert found["pools.events.holidays"] == set(Holidays.model_fields)
    assert found["pools.prices"] == set(PriceOverride.model_fields)
    assert found["assume"] == set(Assume.model_fields)
    assert found["select"] >= set(Selection.model_fields)
    assert found["select.include"] == set(Match.model_fields)


def test_every_key_of_the_example_is_explained_at_its_first_use():
    explained: set[str] = set()
    for line in EXAMPLE.read_text().splitlines():
        if heading := re.match(r"# (\w+): ", line):
            explained.add(heading[1])
        code, _, comment = line.partition(" # ")
        if comment.strip() and (key := re.match(r"[\s-]*(\w+):", code)):
            explained.add(key[1])
    keys = set().union(*keys_by_path(EXAMPLE.read_text()).values()) - {"kind"}  # explained with its lever

    assert keys - explained == set()


def default_text(field: FieldInfo) -> str:
    """Return a default in the notation of the file."""
    if isinstance(field.default, bool):
        return str(field.default).lower()
    return format_duration(field.default) if isinstance(field.default, timedelta) else str(field.default)


STATED = [
    *((PoolPolicy, key) for key in ("mode", "on_missing_metrics", "on_foreign_write", "min", "scale_down_delay")),
    *((Assume, key) for key in ("metric_delay", "lead_time")), (Schedule, "timezone"),
    (Event, "lead"),
]


@pytest.mark.parametrize(("model", "key"), STATED)
def test_a_default_in_the_example_equals_the_models(model, key):
    default = re.escape(default_text(model.model_fields[key]))
    comments = [line.split(" # ")[1] for line in EXAMPLE.read_text().splitlines() if re.match(rf"\s+{key}: .* # ", line)]

    assert any(re.search(rf"\(default {default}\)|\b{default}\b[^;,]*\(default\)", comment) for comment in comments), comments


@pytest.mark.parametrize("section", SECTIONS)
def test_every_key_is_documented_and_no_other(section):
    assert set(table(section)) == set(keys_of(SECTIONS[section]))


def test_every_key_of_a_match_is_documented():
    assert set(table("Match", "###")) == set(Match.model_fields)


def test_the_top_level_is_documented():
    assert set(table("Top level")) == set(TOP_KEYS)


@pytest.mark.parametrize("kind", policy_kinds().levers)
def test_every_lever_kind_is_documented_with_its_keys(kind):
    assert set(table(kind, "###")) == set(policy_kinds().levers[kind].model_fields) - {"kind"}


@pytest.mark.parametrize("kind", [kind for kind, model in policy_kinds().demand.items() if len(model.model_fields) > 1])
def test_every_demand_kind_is_documented_with_its_keys(kind):
    assert set(table(kind, "###")) == set(policy_kinds().demand[kind].model_fields) - {"kind"}


@pytest.mark.parametrize("section", SECTIONS)
def test_a_documented_default_equals_the_models(section):
    for key, default in table(section).items():
        field = keys_of(SECTIONS[section])[key]
        if default == "required":
            assert field.is_required(), key
        elif default.startswith("`") and section != "Objective":  # of the objective, the pool has the default
            assert default == f"`{default_text(field)}`", key
        else:
            assert not field.is_required(), key


def test_the_smallest_documented_policy_is_valid():
    block = re.search(r"```yaml\n(.*?)```", DOCS.read_text(), re.DOTALL)
    assert block is not None

    assert parse_policy(block[1], policy_kinds()).pools[0].mode == "shadow"
