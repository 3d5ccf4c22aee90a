"""Forecast view: uses nothing after `now`; its chart shows its data."""

import json
import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest

from controller.cli.evaluate.forecast_text import sentences, sparkline
from controller.forecasts.chart import html, svg
from controller.forecasts.demand_forecast import ForecastView, document, view_from, view_of
from forecasting.demand import DemandSeries
from forecasting.outlook import Outlook

FIRST = 28_400_010
DAY = 1440


def history(minutes: int, seed: int = 2) -> DemandSeries:
    clock = np.arange(minutes)
    peak = np.random.default_rng(seed).poisson(5 + 4 * np.sin(2 * np.pi * clock / DAY)).astype(np.float32)
    return DemandSeries(FIRST, peak, peak / 2, peak * 10)


@pytest.fixture(scope="module")
def view() -> ForecastView:
    series = history(3 * DAY)
    return view_of("agent", series, series.end_minute, 6, 4, capacity=np.full(3 * DAY, 7.0))


def test_demand_from_now_on_is_not_used():
    series, now = history(3 * DAY), FIRST + 2 * DAY + 77
    changed = DemandSeries(FIRST, series.peak.copy(), series.busy.copy(), series.invocations)
    changed.peak[2 * DAY + 77 :] = 500
    one, other = (view_of("agent", what, now, 2, 4) for what in (series, changed))
    np.testing.assert_array_equal(one.ahead.peak, other.ahead.peak)
    np.testing.assert_array_equal(one.past.peak, other.past.peak)


def test_the_expected_demand_of_a_minute_was_forecast_one_lead_earlier():
    series, now = history(3 * DAY), FIRST + 3 * DAY
    whole = view_of("agent", series, now, 1, 10)
    earlier = view_of("agent", series, now - 10, 1, 10)
    np.testing.assert_array_equal(whole.expected.peak[-1], earlier.ahead.peak[9])
    assert np.isnan(whole.expected.peak[:10]).all()


def test_a_view_of_a_short_history_reports_a_doubt(view):
    short = view_of("agent", history(3), FIRST + 3, 1, 4)
    assert not short.enough
    assert "unreliable" in sentences(short)[0]
    assert document(short)["past_day"]["error_over_naive"] is None
    assert view.enough
    assert "target: 90 % between the two" in sentences(view)[0]


def test_a_document_is_read_back_to_three_digits(view):
    restored = view_from(json.loads(json.dumps(document(view))))

    assert document(restored) == document(view)
    assert (restored.pool, restored.now_minute) == (view.pool, view.now_minute)
    assert (restored.lead, restored.enough) == (view.lead, view.enough)
    np.testing.assert_array_equal(restored.expected.peak, view.expected.peak)
    np.testing.assert_allclose(restored.ahead.busy, view.ahead.busy, atol=1e-3)


@pytest.mark.parametrize("body", [{}, {"past": {}, "ahead": None}, {"past": {"first": 3}, "ahead": {}}])
def test_an_invalid_document_is_refused(body):
    with pytest.raises((KeyError, TypeError, ValueError)):
        view_from(body)


def test_a_model_is_fitted_a_day_ago_and_now():
    ends = []

    def fit(rows: np.ndarray, first_bucket: int) -> Outlook:
        ends.append((first_bucket + len(rows)) * 15)
        return Outlook(first_bucket + len(rows), np.full((192, 6), 9, np.float32))

    series = history(3 * DAY)
    view_of("agent", series, series.end_minute, 1, 4, fit)
    assert ends == [end // 15 * 15 for end in (FIRST + 2 * DAY, FIRST + 2 * DAY, FIRST + 3 * DAY, FIRST + 3 * DAY)]


def test_the_chart_is_well_formed_reproducible_and_has_a_dark_theme(view):
    drawing = svg(view)
    assert drawing == svg(view)
    ET.fromstring(drawing)  # noqa: S314  our own
    assert "prefers-color-scheme:dark" in drawing
    drawn = set(re.findall(r'id="([a-z-]+)"', drawing))
    assert {"demand", "median-ahead", "band-past", "band-ahead", "band-top-ahead", "capacity", "now", "band-past-legend"} <= drawn


def test_a_page_escapes_names_and_loads_nothing(view):
    series = history(600)
    page = html(view_of("<b>&", series, series.end_minute, 1, 4), ["1 < 2"])
    assert "<b>" not in page
    assert "1 &lt; 2" in page
    links = re.findall(r'(?:src|href)="([^#"][^"]*)"', page)
    assert links == []


@pytest.mark.parametrize("peak", [np.zeros(500), np.full(500, np.nan), np.full(500, 59_999)])
def test_unusual_demand_is_drawn(peak):
    series = DemandSeries(FIRST, peak.astype(np.float32), peak.astype(np.float32), peak.astype(np.float32))
    odd = view_of("agent", series, series.end_minute, 1, 4)
    assert "</svg>" in svg(odd)
    assert isinstance(document(odd), dict)


def test_a_sparkline_shows_the_maximum_and_gaps():
    assert sparkline(np.array([0, 0, 8, np.nan, np.nan, 4]), 3, 8) == "▁█▅"
    assert sparkline(np.array([np.nan, 1.0]), 2, 1) == "·█"
