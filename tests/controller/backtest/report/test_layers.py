"""Report and table of a pool with layers: base and pings are two figures, and the pings are a part of the bill."""

import json
import re
from functools import cache
from io import StringIO

import numpy as np
import pytest
from rich.console import Console

from controller.backtest.report.frame import frame
from controller.backtest.report.page import page
from controller.backtest.report.worst_hour import worst_hour
from controller.backtest.result import Outcome, PoolOutcome
from controller.cli.evaluate import backtest_table
from controller.decision.costs.sentences import dollars
from tests.controller.backtest.report.outcomes import LAYERED, outcome_of

BURSTS = np.where(np.arange(4 * 1440) % 90 < 3, 6, 1).astype(np.float32)


@cache
def layered() -> PoolOutcome:
    return outcome_of(BURSTS, terms=LAYERED)


@cache
def plain() -> PoolOutcome:
    return outcome_of(BURSTS, "other")


@pytest.fixture(scope="module")
def html() -> str:
    return page(Outcome((layered(),)))


def printed(outcome: Outcome, width: int = 200) -> str:
    out = StringIO()
    backtest_table.show(outcome, Console(file=out, width=width, highlight=False, soft_wrap=True), compare=True)
    return out.getvalue()


def test_the_pings_of_the_example_keep_units_and_cost_something():
    assert layered().stoker.pinged_unit_minutes > 0
    assert layered().stoker.ping_usd > 0


def test_the_frame_gives_the_unit_hours_of_each_layer_and_the_bill_of_pings():
    rows, bill = dict(frame([layered()])), layered().stoker
    assert rows["layers"] == (f"base {bill.warm_unit_minutes / 60:,.1f} unit-hours, above it "
                              f"{bill.pinged_unit_minutes / 60:,.1f} unit-hours kept by pings for {dollars(bill.ping_usd)}, "
                              "part of the bill")
    assert "layers" not in dict(frame([plain()]))
    assert dict(frame([plain(), layered()]))["layers"].endswith("(of 1 pool with layers)")


def test_the_frame_counts_cold_starts_during_the_pings_of_a_layer():
    text = dict(frame([layered()]))["pings"]
    assert text.startswith("a round every 4 min holds each unit for 0.1 s; ")
    assert f"{layered().stoker.cold_starts_during_pings:,} cold start" in text


def test_the_table_has_pinged_unit_hours_and_the_bill_of_pings_only_with_layers():
    lines = printed(Outcome((layered(),))).splitlines()
    stoker = next(line for line in lines if line.startswith("stoker "))
    assert f"{layered().stoker.pinged_unit_minutes / 60:,.1f}" in stoker
    assert stoker.rstrip().endswith(dollars(layered().stoker.ping_usd))
    assert any("pinged" in line for line in lines)
    assert "pinged" not in printed(Outcome((plain(),)))


def test_pings_are_a_part_of_the_bar_and_of_the_legend_only_with_layers(html):
    assert '<li class="pings">Pings above the base' in html
    assert f'title="Pings above the base: {dollars(layered().stoker.ping_usd)}"' in html
    assert '<li class="pings">' not in page(Outcome((plain(),)))


def test_the_chart_has_a_line_of_the_base_and_one_of_both_layers(html):
    (chart,) = json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', html, re.DOTALL)[1])
    base, both = (dict(map(tuple, chart[name])) for name in ("ready", "both"))
    assert base != both
    assert max(both.values()) == int((layered().replay.target + layered().replay.pinged).max())
    assert sum(cold for _, cold in chart["cold"]) == layered().stoker.cold_starts - layered().stoker.cold_starts_during_pings


def test_the_worst_hour_shows_each_layer():
    hour = worst_hour(layered())
    assert hour is not None
    assert any(re.search(r"\d+ units of the base and \d+ kept by pings were ready", text) for text in hour.sentences)
    assert all(minute.pinged is not None for minute in hour.minutes)
    assert any(minute.pinged != minute.ready for minute in hour.minutes)
    plain_hour = worst_hour(plain())
    assert plain_hour is not None
    assert all(minute.pinged is None for minute in plain_hour.minutes)


def test_the_minutes_of_the_worst_hour_have_a_column_of_pinged_units(html):
    assert "<th>Base ready</th><th>Base requested</th><th>Pinged</th>" in html
    assert "Reasons of the plan of the base" in html


def test_the_price_of_a_pinged_unit_is_an_assumption(html):
    assert "for a unit that pings keep warm above the base" in html
