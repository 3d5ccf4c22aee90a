"""The JSON Schema accepts what the loader accepts, and rejects what an editor can detect."""

import json
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

import config
from adapters.kinds import policy_kinds
from config.loading.loader import PolicyError, parse_policy
from config.loading.schema import DIALECT, policy_schema
from config.model.kinds import Kinds
from config.model.lever import LeverSettings
from config.model.policy import Objective
from config.yaml_text.document import read_document
from tests.examples import examples


class Ping(LeverSettings):
    """A lever for these tests, whose kind has no default and no constant."""

    url: str
    """Where to."""


KINDS = Kinds(policy_kinds().levers | {"ping": Ping}, policy_kinds().demand)
SCHEMA = policy_schema(KINDS)
CHECK = jsonschema.Draft202012Validator(SCHEMA)
LAMBDA = {"kind": "lambda-provisioned-concurrency", "region": "us-east-1", "function": "f", "alias": "live"}


def document(**changes: object) -> dict[str, object]:
    return {"version": 1, "pools": [{"name": "a", "lever": LAMBDA, "max": 5} | changes]}


def layered(levers: object) -> dict[str, object]:
    return {"version": 1, "pools": [{"name": "a", "levers": levers, "max": 5}]}


def test_the_schema_accepts_one_lever_or_a_list_of_layers():
    for good in (document(), layered([LAMBDA]), layered([LAMBDA, LAMBDA | {"kind": "lambda-ping", "handler": "stoker"}])):
        assert [error.message for error in CHECK.iter_errors(good)] == []
        assert taken(good)


def test_the_schema_is_valid():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    assert SCHEMA["$schema"] == DIALECT


def test_the_example_fits_the_schema():
    root, _ = read_document((Path(config.__file__).parent / "example.yaml").read_text())

    assert [error.message for error in CHECK.iter_errors(root.plain())] == []


def test_every_key_has_a_description():
    unexplained = [
        f"{name}.{key}" for name, part in SCHEMA["$defs"].items() for key, entry in part.get("properties", {}).items()
        if "description" not in entry and "$ref" not in entry and "anyOf" not in entry
    ]

    assert unexplained == []


def test_every_kind_has_its_own_keys():
    offered = [SCHEMA["$defs"][choice["$ref"].rsplit("/", 1)[1]] for choice in SCHEMA["$defs"]["Lever"]["oneOf"]]

    assert [choice["properties"]["kind"]["const"] for choice in offered] == list(KINDS.levers)
    assert [set(choice["required"]) for choice in (offered[0], offered[-1])] == [set(LAMBDA), {"kind", "url"}]


def test_default_durations_have_the_notation_of_the_file():
    assert SCHEMA["$defs"]["Assume"]["properties"]["lead_time"]["default"] == "2m"
    assert "PT" not in str(SCHEMA)


@pytest.mark.parametrize(
    "wrong",
    [
        document(mim=1), document(max=-1), document(max=1.5), document(max="5"), document(mode="on"), document(name="a/b"),
        document(objective={}), document(objective={"cold_start_cost_usd": 1, "cold_start_cost_usd_per_second": 1}),
        document(objective={"cold_start_cost_usd": 1, "warm_hit_rate": 0.9}),
        document(lever={"kind": "lamda"}), document(lever=LAMBDA | {"url": "x"}), document(lever={"kind": "ping"}),
        document(lever={"region": "us-east-1"}), document(scale_down_delay="10 min"), document(scale_down_delay=10),
        document(schedules=[{"cron": "0 8 * * *", "duration": "1h"}]), document(prices={"idle": 1}),
        {"version": 1, "pools": []}, {"version": 2, "pools": document()["pools"]}, {"pools": document()["pools"]},
        {"version": 1, "pools": [{"name": "a", "lever": LAMBDA}]}, {"version": 1, "pools": [{"name": "a", "max": 5}]},
        document() | {"defaults": {"name": "a"}}, document() | {"defaults": {"lever": LAMBDA}}, document() | {"more": 1},
        document() | {"assume": {"lead": "1m"}}, document(levers=[LAMBDA]), layered([]), layered([LAMBDA] * 3), layered(LAMBDA),
        layered([{"kind": "lamda"}]), document() | {"defaults": {"levers": [LAMBDA]}}, document(top=LAMBDA),
    ],
)
def test_the_schema_rejects_invalid_documents(wrong):
    assert list(CHECK.iter_errors(wrong)) != []


def test_a_ceiling_can_be_a_default():
    assert list(CHECK.iter_errors({"version": 1, "defaults": {"max": 5}, "pools": [{"name": "a", "lever": LAMBDA}]})) == []


SPANS = st.sampled_from(["0s", "30s", "5m", "1h30m", "1d", "2d", "10", 0, 5, None])
UNITS = st.none() | st.integers(-1, 20) | st.just(2.5)
SCHEDULES = st.lists(st.fixed_dictionaries({"cron": st.sampled_from(["0 8 * * mon-fri", "* * *"]), "duration": SPANS},
                                           optional={"min": UNITS, "max": UNITS, "name": st.text(max_size=3)}), max_size=2)
EVENTS = st.lists(st.fixed_dictionaries({"name": st.sampled_from(["launch", "", 3])}, optional={
    "factor": UNITS, "size": UNITS, "lead": SPANS, "start": st.sampled_from(["2026-12-01", "noon"]), "duration": SPANS,
    "end": st.sampled_from(["2026-12-02", None]), "cron": st.sampled_from(["0 8 * * *", "* *", None]),
    "holidays": st.sampled_from([{"country": "DE"}, {"country": "XX"}, {}, None]), "ics": st.sampled_from(["a.ics", None]),
}), max_size=2)
OPTIONS = st.fixed_dictionaries({}, optional={
    "events": EVENTS,
    "mode": st.sampled_from(["shadow", "active", "off"]), "min": UNITS, "max": UNITS, "max_step_up": UNITS,
    "scale_down_delay": SPANS, "architecture": st.sampled_from(["arm64", "x86_64", "riscv", None]), "init_seconds": UNITS,
    "memory_mb": UNITS, "budget_usd_per_month": UNITS, "schedules": SCHEDULES,
    "objective": st.dictionaries(st.sampled_from(list(Objective.model_fields)), st.sampled_from([0, 0.5, 1, -1])),
})


def taken(whole: dict[str, object]) -> bool:
    try:
        parse_policy(json.dumps(whole), KINDS)
    except PolicyError:
        return False
    return True


@examples(200)
@given(OPTIONS, OPTIONS, st.fixed_dictionaries({}, optional={"lead_time": SPANS, "keep_alive": SPANS}))
def test_the_schema_accepts_what_the_loader_accepts(defaults, options, assume):
    good = document()
    for key, value in options.items():  # key by key, so that one wrong value does not spare the others
        changed = document(**{**good["pools"][0], key: value})
        good = changed if taken(changed) else good
    for name, part in (("defaults", defaults), ("assume", assume)):
        for key, value in part.items():
            changed = good | {name: {**good.get(name, {}), key: value}}
            good = changed if taken(changed) else good

    assert taken(good)
    assert [error.message for error in CHECK.iter_errors(good)] == []


def test_keys_with_the_prefix_x_are_allowed_only_at_the_top_level():
    assert CHECK.is_valid(document() | {"x-common": {"max": 50}})
    assert not CHECK.is_valid(document(**{"x-common": 1}))
