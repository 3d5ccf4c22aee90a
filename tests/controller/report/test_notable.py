"""Decisions worth looking at."""

from datetime import timedelta

import numpy as np
import pytest

from controller.decision.planning.plan import Action
from controller.decision.planning.reason_codes import ReasonCode
from controller.report.notable import LIMITS, TROUBLES
from forecasting.demand import minute_of
from tests.builders import NOON
from tests.controller.report.stores import DAY, MINUTE, PERIOD, filled, minute_at, plan, reason, reported


@pytest.fixture
def path(tmp_path):
    return tmp_path / "stoker.db"


def found(path, **changed):
    return {each.kind: each for each in reversed(reported(filled(path, **changed)).pools[0].notable)}


@pytest.mark.parametrize("code", TROUBLES)
def test_each_kind_of_trouble_is_named_with_its_newest_decision(path, code):
    plans = [plan(NOON - DAY - at * MINUTE, Action.HOLD, target=2, reasons=[reason(code, f"text {at}")]) for at in (2, 1, 0)]
    entry = found(path, plans=plans)[code.value]
    assert entry.at == NOON - DAY
    assert entry.text == f"{TROUBLES[code]} (3 times); last: text 0"
    assert entry.times == 3


def test_the_three_largest_changes_are_named(path):
    sizes = (1, 30, 2, 20, 10)
    plans = [plan(NOON - DAY + at * MINUTE, target=40 - size, requested=40) for at, size in enumerate(sizes)]
    entries = [each for each in reported(filled(path, plans=plans)).pools[0].notable if each.kind == "largest-change"]
    assert [each.text for each in entries] == ["target 40 to 10", "target 40 to 20", "target 40 to 30"]
    assert entries[0].at == NOON - DAY + MINUTE


@pytest.mark.parametrize("code", LIMITS)
def test_a_guardrail_that_limits_often_is_named_where_it_limited_most(path, code):
    plans = [plan(NOON - DAY + at * MINUTE, target=5, reasons=[reason(code, before=5 + at, after=5)]) for at in range(6)]
    entry = found(path, plans=plans)[f"limited-by-{code.value}"]
    assert entry.at == NOON - DAY + 5 * MINUTE
    assert entry.text == f"{LIMITS[code]} changed the target in 5 of 6 recorded decisions; most: 10 to 5"


def test_a_guardrail_that_limits_rarely_is_not_named(path):
    limited = plan(reasons=[reason(ReasonCode.CEILING, before=9, after=5)])
    assert not any(kind.startswith("limited") for kind in found(path, plans=[limited, limited]))


def test_a_missed_forecast_is_named_with_demand_and_quantile(path):
    peaks = np.full(len(PERIOD.minutes), 3, np.float32)
    at = NOON - DAY
    peaks[minute_at(at)] = 17
    inputs = {"weighed": {"forecast": {"of": at.isoformat(), "horizon_minutes": 2, "peak_below": {"0.5": 2, "0.99": 6}}}}
    entry = found(path, peaks=peaks, plans=[plan(at - 2 * MINUTE)], inputs=inputs)["forecast-missed"]
    assert entry.at == at - 2 * MINUTE
    assert entry.text == "demand at 12:00 was 17, above the forecast P99 of 6; misses of this kind: 1"
    assert minute_of(at) == minute_at(at) + PERIOD.minutes.start


@pytest.mark.parametrize("peak", [6, np.nan])
def test_a_forecast_that_held_or_whose_minute_is_unknown_is_not_named(path, peak):
    peaks = np.full(len(PERIOD.minutes), peak, np.float32)
    inputs = {"weighed": {"forecast": {"of": (NOON - DAY).isoformat(), "horizon_minutes": 2, "peak_below": {"0.99": 6}}}}
    assert "forecast-missed" not in found(path, peaks=peaks, plans=[plan(NOON - DAY)], inputs=inputs)


def test_the_command_names_a_time_at_which_the_decision_was_made(path):
    for at, text in ((NOON - DAY, "12:00:00Z"), (NOON - DAY + timedelta(microseconds=1), "12:00:01Z")):
        entry = found(path, plans=[plan(at)])["largest-change"]
        assert entry.command("agent") == f"stoker why agent --at {NOON - DAY:%Y-%m-%d}T{text}"
        path.unlink()
