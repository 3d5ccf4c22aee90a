"""Responses with series of minutes, published in `/openapi.json`. See `controller.http.schemas.status`."""

from typing import Literal

from controller.http.schemas.shape import Instant, Known, Shape

Minutes = list[float | None]


class CapacityReading(Shape):
    """Capacity at the last read from the provider, and in shadow mode the simulated capacity besides."""

    actual_requested: int
    actual_ready: int
    observed_at: str
    simulated_requested: int | None = None
    simulated_ready: int | None = None


class PastMinutes(Shape):
    """The last 24 h, one value per minute from `first` on, with the quantiles that were forecast for each minute."""

    first: str
    peak: Minutes
    busy: Minutes
    expected_peak: list[Minutes]
    expected_busy: list[Minutes]
    actual_requested: Minutes | None = None
    simulated_requested: Minutes | None = None


class ForecastMinutes(Shape):
    """Forecast quantiles, one list per minute from `first` on."""

    first: str
    peak: list[Minutes]
    busy: list[Minutes]


class PastDayAccuracy(Shape):
    """Accuracy of the forecasts of the last 24 h."""

    below: Minutes
    at_or_below: Minutes
    error_over_naive: Known


class Difference(Shape):
    """A span in which the rules ask for units outside the forecast: below its median or above its P99. `units` and `peak_below`
    (quantiles of concurrent demand by level) are those of the quarter of an hour where they differ most.
    """

    start: str
    end: str
    units: int
    peak_below: dict[str, float]
    text: str


class Forecast(Shape):
    """Past demand, its earlier forecasts, and the current forecast."""

    now: str
    target: int | None
    capacity: CapacityReading | None
    next: list[tuple[int, int]] | None
    next_at: Instant
    next_missing: str | None
    decides: Literal["rules"]
    decides_text: str
    differences: list[Difference]
    pool: str
    at: str
    lead_minutes: int
    enough_history: bool
    doubt: str | None
    levels: list[float]
    past: PastMinutes
    ahead: ForecastMinutes
    past_day: PastDayAccuracy


class History(Shape):
    """Demand and warm capacity per minute."""

    pool: str
    mode: Literal["shadow", "active"]
    at: str
    first: str
    peak: Minutes
    busy: Minutes
    actual_requested: Minutes
    actual_ready: Minutes
    simulated_requested: Minutes | None = None
    simulated_ready: Minutes | None = None
    """Only in shadow mode: what there would have been."""
    actual_pinged_requested: Minutes | None = None
    actual_pinged_ready: Minutes | None = None
    simulated_pinged_requested: Minutes | None = None
    simulated_pinged_ready: Minutes | None = None
    """Only for a pool with layers: units that pings keep above the base; the keys without `pinged` are those of the base."""
