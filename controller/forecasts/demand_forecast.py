"""What a forecast of one pool comes to: what was, what had been expected of it, and what is expected now. Pure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from controller.decision.events.forecast_adjustment import lifted, without_events
from controller.decision.events.pool_events import PoolEvents
from forecasting.accuracy import Coverage, coverage, scaled_error
from forecasting.combined import CombinedForecaster
from forecasting.demand import MINUTES_PER_DAY, DemandSeries, Floats, instant_of, minute_of
from forecasting.outlook import Outlook
from forecasting.protocol import LEVELS, Band

MEDIAN = LEVELS.index(0.5)
Fit = Callable[[Floats, int], Outlook | None]
"""Fits a model to one row of `Remembered`: `forecasting.harmonic.fit_outlook`, or nothing."""


class Judgement(NamedTuple):
    """How the past day's forecasts of peak demand did, `lead` minutes ahead. NaN where there is nothing to judge by."""

    coverage: Coverage
    error_over_naive: float


@dataclass(frozen=True, slots=True)
class ForecastView:
    """One pool as of `now_minute`, the first minute that is not known yet.

    `past`: the last day of demand. `expected`: what was said of each of its minutes `lead` minutes before, float32[minutes,
    LEVELS]. `ahead`: the minutes from now on, float32[horizon, LEVELS]. `capacity`: units requested in each past minute, where
    that is known. `enough`: whether history is long enough to trust this.
    """

    pool: str
    now_minute: int
    lead: int
    past: DemandSeries
    expected: Band
    ahead: Band
    capacity: NDArray[np.float64] | None
    enough: bool

    @property
    def doubt(self) -> str | None:
        """Why this should not be trusted, in a sentence; None when it may be."""
        if self.enough:
            return None
        if not self.past.known.any():
            return "Nothing is known of its demand in the past day."
        return "There is less than a day of history: take the bands as guesses."

    @property
    def judgement(self) -> Judgement:
        said, came = self.expected.peak, self.past.peak
        return Judgement(coverage(said, came, LEVELS), float(scaled_error(said[:, MEDIAN], came, self.lead)))


def view_of(pool: str, history: DemandSeries, now_minute: int, hours: float, lead: int, fit: Fit | None = None,
            capacity: NDArray[np.float64] | None = None, prospect: PoolEvents | None = None) -> ForecastView:
    """Look at `history` (nothing from `now_minute` on is used) and `hours` ahead, with what is announced.

    `capacity`: float64[len(history)], units requested at each of its minutes, shown beside demand. A model, where there is
    `fit`, is fitted a day ago and now, so that the past day is judged as it would have been foretold.
    """
    first = max(history.first_minute, now_minute - MINUTES_PER_DAY)
    known = history.window(history.first_minute, now_minute)
    past, calm = known.window(first, now_minute), without_events(prospect, known)
    before, since = calm.window(known.first_minute, first), calm.window(first, now_minute)
    forecaster = CombinedForecaster(1)
    forecaster.observe(before.peak[None], before.busy[None], before.first_minute)
    refit(forecaster, fit)
    followed = forecaster.follow(since.peak[None], since.busy[None], first, (lead,))
    refit(forecaster, fit)
    said = [np.concatenate([np.full((min(lead, len(past)), len(LEVELS)), np.nan, np.float32), rows[0, :, 0][:-lead]])
            for rows in followed]
    quantiles = forecaster.quantiles(max(1, round(hours * 60)))
    ahead = lifted(prospect, Band(quantiles.peak[0], quantiles.busy[0]), now_minute, now_minute)
    at = slice(first - history.first_minute, now_minute - history.first_minute)
    return ForecastView(pool, now_minute, lead, past, lifted(prospect, Band(*said), first, now_minute), ahead,
                        None if capacity is None else capacity[at], bool(forecaster.enough[0]))


def refit(forecaster: CombinedForecaster, fit: Fit | None) -> None:
    """Fit a model to what the forecaster of one pool remembers, if it remembers enough."""
    remembered = forecaster.remembered(0)
    if fit is None or not len(remembered.peak):
        return
    peak, busy = (fit(rows, remembered.first_bucket) for rows in (remembered.peak, remembered.busy))
    if peak is not None and busy is not None:
        forecaster.install(0, peak, busy)


def document(view: ForecastView) -> dict[str, object]:
    """The view as plain values, for JSON; None where nothing is known."""
    judged = view.judgement
    return {
        "pool": view.pool, "at": stamp(instant_of(view.now_minute)), "lead_minutes": view.lead, "enough_history": view.enough,
        "doubt": view.doubt,
        "levels": list(LEVELS),
        "past": {"first": stamp(instant_of(view.past.first_minute)), "peak": plain(view.past.peak), "busy": plain(view.past.busy),
                 "expected_peak": plain(view.expected.peak), "expected_busy": plain(view.expected.busy),
                 "requested": None if view.capacity is None else plain(view.capacity)},
        "ahead": {"first": stamp(instant_of(view.now_minute)), "peak": plain(view.ahead.peak), "busy": plain(view.ahead.busy)},
        "past_day": {"below": plain(judged.coverage.below), "at_or_below": plain(judged.coverage.at_or_below),
                     "error_over_naive": plain(np.array([judged.error_over_naive]))[0]},
    }


def view_from(told: Mapping[str, Any]) -> ForecastView:
    """The view that `document` put into plain values. KeyError, TypeError or ValueError where they are something else."""
    past, ahead = told["past"], told["ahead"]
    first, levels = minute_of(datetime.fromisoformat(past["first"])), len(LEVELS)
    peak, busy = (np.array(past[kind], np.float32) for kind in ("peak", "busy"))
    expected, coming = (Band(*(np.array(side[key], np.float32).reshape(-1, levels) for key in keys)) for side, keys in (
        (past, ("expected_peak", "expected_busy")), (ahead, ("peak", "busy"))))
    requested = past["requested"]
    return ForecastView(str(told["pool"]), minute_of(datetime.fromisoformat(told["at"])), int(told["lead_minutes"]),
                        DemandSeries(first, peak, busy, np.full(len(peak), np.nan, np.float32)), expected, coming,
                        None if requested is None else np.array(requested, np.float64), bool(told["enough_history"]))


def stamp(instant: datetime) -> str:
    return f"{instant:%Y-%m-%dT%H:%M:%SZ}"


def plain(values: NDArray[np.floating]) -> list[object]:
    """Nested lists of rounded numbers, None for NaN."""
    if values.ndim > 1:
        return [plain(row) for row in values]
    return [round(float(value), 3) if np.isfinite(value) else None for value in values]
