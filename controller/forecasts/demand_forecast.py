"""Demand forecast of one pool: the past day, what was forecast for it, and the forecast from now on. Pure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from controller.decision.costs.kinds import Kind
from controller.decision.events.forecast_adjustment import with_events, without_events
from controller.decision.events.pool_events import PoolEvents
from forecasting.accuracy import Coverage, coverage, scaled_error
from forecasting.combined import CombinedForecaster
from forecasting.demand import MINUTES_PER_DAY, DemandSeries, Floats, instant_of, minute_of
from forecasting.outlook import Outlook
from forecasting.protocol import LEVELS, Band

MEDIAN = LEVELS.index(0.5)
Fit = Callable[[Floats, int], Outlook | None]
"""Function that fits a model to a row of `CompactHistory`, such as `forecasting.harmonic.fit_outlook`; None without enough."""


class PastAccuracy(NamedTuple):
    """Accuracy of the past day's forecasts of peak demand, made `lead` minutes ahead. NaN where no minute can be scored."""

    coverage: Coverage
    error_over_naive: float


@dataclass(frozen=True, slots=True)
class ForecastView:
    """Forecast of one pool as of `now_minute`, the first minute that is not settled.

    `past`: the last day of demand. `expected`: the forecast of each past minute made `lead` minutes earlier, float32[minutes,
    LEVELS]. `ahead`: the forecast from now on, float32[horizon, LEVELS]. `capacity`: units requested in each past minute, of
    `kind`; None when unknown. `enough`: whether the history is long enough for the bands to be reliable.
    """

    pool: str
    now_minute: int
    lead: int
    past: DemandSeries
    expected: Band
    ahead: Band
    capacity: NDArray[np.float64] | None
    kind: Kind
    enough: bool

    @property
    def doubt(self) -> str | None:
        """Why the forecast is unreliable, in one sentence; None when it is reliable."""
        if self.enough:
            return None
        if not self.past.known.any():
            return "No demand is known in the past day."
        return "Less than a day of history is known: the bands are unreliable."

    @property
    def past_accuracy(self) -> PastAccuracy:
        """Accuracy of the past day's forecasts."""
        forecast, actual = self.expected.peak, self.past.peak
        return PastAccuracy(coverage(forecast, actual, LEVELS), float(scaled_error(forecast[:, MEDIAN], actual, self.lead)))


def view_of(pool: str, history: DemandSeries, now_minute: int, hours: float, lead: int, fit: Fit | None = None,
            capacity: NDArray[np.float64] | None = None, events: PoolEvents | None = None,
            kind: Kind = "actual") -> ForecastView:
    """Return the forecast of `hours` from `now_minute` on, with announced events. Demand from `now_minute` on is not used.

    `capacity`: float64[len(history)], units requested in each of its minutes; `kind`: actual or simulated ones. With `fit`, a
    model is fitted to the history up to a day ago and again up to now, so that the past day is scored with forecasts that could
    have been made then.
    """
    first = max(history.first_minute, now_minute - MINUTES_PER_DAY)
    known = history.window(history.first_minute, now_minute)
    past, baseline = known.window(first, now_minute), without_events(events, known)
    before, since = baseline.window(known.first_minute, first), baseline.window(first, now_minute)
    forecaster = CombinedForecaster(1)
    forecaster.observe(before.peak[None], before.busy[None], before.first_minute)
    refit(forecaster, fit)
    followed = forecaster.follow(since.peak[None], since.busy[None], first, (lead,))
    refit(forecaster, fit)
    expected = [np.concatenate([np.full((min(lead, len(past)), len(LEVELS)), np.nan, np.float32), rows[0, :, 0][:-lead]])
            for rows in followed]
    quantiles = forecaster.quantiles(max(1, round(hours * 60)))
    ahead = with_events(events, Band(quantiles.peak[0], quantiles.busy[0]), now_minute, now_minute)
    at = slice(first - history.first_minute, now_minute - history.first_minute)
    return ForecastView(pool, now_minute, lead, past, with_events(events, Band(*expected), first, now_minute), ahead,
                        None if capacity is None else capacity[at], kind, bool(forecaster.enough[0]))


def refit(forecaster: CombinedForecaster, fit: Fit | None) -> None:
    """Fit a model to the history that a forecaster of one pool holds, and install it if the history is long enough."""
    history = forecaster.compact_history(0)
    if fit is None or not len(history.peak):
        return
    peak, busy = (fit(rows, history.first_bucket) for rows in (history.peak, history.busy))
    if peak is not None and busy is not None:
        forecaster.install(0, peak, busy)


def document(view: ForecastView) -> dict[str, object]:
    """Return the view as JSON values; None for unknown values."""
    accuracy = view.past_accuracy
    return {
        "pool": view.pool, "at": stamp(instant_of(view.now_minute)), "lead_minutes": view.lead, "enough_history": view.enough,
        "doubt": view.doubt,
        "levels": list(LEVELS),
        "past": {"first": stamp(instant_of(view.past.first_minute)), "peak": plain(view.past.peak), "busy": plain(view.past.busy),
                 "expected_peak": plain(view.expected.peak), "expected_busy": plain(view.expected.busy),
                 f"{view.kind}_requested": None if view.capacity is None else plain(view.capacity)},
        "ahead": {"first": stamp(instant_of(view.now_minute)), "peak": plain(view.ahead.peak), "busy": plain(view.ahead.busy)},
        "past_day": {"below": plain(accuracy.coverage.below), "at_or_below": plain(accuracy.coverage.at_or_below),
                     "error_over_naive": plain(np.array([accuracy.error_over_naive]))[0]},
    }


def view_from(body: Mapping[str, Any]) -> ForecastView:
    """Return the view of which `body` is the `document`; `KeyError`, `TypeError` or `ValueError` when it is invalid."""
    past, ahead = body["past"], body["ahead"]
    first, levels = minute_of(datetime.fromisoformat(past["first"])), len(LEVELS)
    peak, busy = (np.array(past[kind], np.float32) for kind in ("peak", "busy"))
    expected, coming = (Band(*(np.array(side[key], np.float32).reshape(-1, levels) for key in keys)) for side, keys in (
        (past, ("expected_peak", "expected_busy")), (ahead, ("peak", "busy"))))
    kind: Kind = "simulated" if "simulated_requested" in past else "actual"
    requested = past[f"{kind}_requested"]
    return ForecastView(str(body["pool"]), minute_of(datetime.fromisoformat(body["at"])), int(body["lead_minutes"]),
                        DemandSeries(first, peak, busy, np.full(len(peak), np.nan, np.float32)), expected, coming,
                        None if requested is None else np.array(requested, np.float64), kind, bool(body["enough_history"]))


def stamp(instant: datetime) -> str:
    """Return an instant in UTC as ISO 8601 text."""
    return f"{instant:%Y-%m-%dT%H:%M:%SZ}"


def plain(values: NDArray[np.floating]) -> list[object]:
    """Return nested lists of numbers with 3 decimals, None for NaN."""
    if values.ndim > 1:
        return [plain(row) for row in values]
    return [round(float(value), 3) if np.isfinite(value) else None for value in values]
