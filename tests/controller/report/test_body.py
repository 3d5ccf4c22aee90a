"""The report as JSON: its keys, and the same figures as the text."""

import json
from typing import Literal

import pytest
from pydantic import BaseModel, ConfigDict, create_model

from controller.report.body import body_of
from tests.builders import NOON, pool_policy
from tests.controller.report.stores import DAY, filled, plan, reported
from tests.controller.report.test_text import SENTENCE


class Exact(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Gap(Exact):
    start: str
    end: str


class Data(Exact):
    minutes: int
    known_minutes: int
    accounted_minutes: int
    accounted_minutes_by_day: dict[str, int]
    gaps: list[Gap]


class Level(Exact):
    level: float
    below: float
    at_or_below: float


class Forecast(Exact):
    minutes: int
    levels: list[Level]
    p90_off_by: float | None


class Decision(Exact):
    kind: str
    at: str
    times: int
    text: str
    command: str


class Criterion(Exact):
    key: str
    text: str
    value: float | int | None
    threshold: float | int
    bound: Literal["least", "most"]
    met: bool


class Gate(Exact):
    ready: bool
    text: str
    criteria: list[Criterion]


class Pool(Exact):
    name: str
    mode: Literal["shadow", "active"]
    data: Data
    sentence: str
    forecast: Forecast
    decisions: list[Decision]
    gate: Gate | None


ENDS = ("", "_without_stoker", "_target_tracking")
FIGURES = {"changes": int, "lowest_target": int | None, "highest_target": int | None, "saved_usd": float,
           "cold_starts_during_pings": float,
           **{f"{name.format(end)}": kind for end in ENDS for name, kind in {
               "bill{}_usd": float, "bill{}_per_month_usd": float | None, "cold_starts{}": float,
               "cold_starts{}_range": list[float] | None, "cold_start_cost{}_usd": float}.items()}}
"""Figures of a pool, without the kind that each key starts with."""

POOL = {kind: create_model(f"{kind}_pool", __base__=Pool, **{f"{kind}_{name}": (of, ...) for name, of in FIGURES.items()})
        for kind in ("simulated", "actual")}


@pytest.fixture(scope="module")
def body(tmp_path_factory):
    path = tmp_path_factory.mktemp("body") / "stoker.db"
    filled(path, plans=[plan(NOON - 2 * DAY, target=5)])
    filled(path, pool="chat", mode="active", plans=[plan(pool="chat", mode="active")])
    pools = [pool_policy(mode="shadow"), pool_policy(name="chat", mode="active"), pool_policy(name="new", mode="shadow")]
    return json.loads(json.dumps(body_of(reported(path, *pools)), allow_nan=False))


def test_the_body_has_exactly_these_keys_and_each_figure_those_of_its_kind(body):
    assert set(body) == {"start", "end", "metric_reads_usd_per_month", "ready_for_active", "pools"}
    for pool, kind in zip(body["pools"], ("simulated", "actual", "simulated"), strict=True):
        POOL[kind].model_validate(pool)


def test_the_figures_are_those_of_the_text(body):
    shadow, active, new = body["pools"]
    assert shadow["sentence"] + "." == SENTENCE
    assert (shadow["simulated_bill_usd"], shadow["simulated_bill_without_stoker_usd"]) == (4, 3.04)
    assert shadow["simulated_saved_usd"] == -0.96
    assert shadow["simulated_cold_starts_range"] == [16, 32]
    assert (shadow["gate"]["ready"], active["gate"], new["gate"]["ready"]) == (True, None, False)
    assert body["ready_for_active"] is False
    assert shadow["forecast"]["levels"][1] == {"level": 0.9, "below": 0.85, "at_or_below": 0.923611}
    assert new["forecast"] == {"minutes": 0, "levels": [], "p90_off_by": None}


def test_without_a_pool_in_shadow_mode_there_is_no_answer(tmp_path):
    path = filled(tmp_path / "stoker.db", mode="active")
    report = reported(path, pool_policy(mode="active"))
    assert body_of(report)["ready_for_active"] is None
    assert report.ready
