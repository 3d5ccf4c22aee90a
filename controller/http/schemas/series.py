"""What the handlers answer of minutes past and to come, as `/openapi.json` publishes it. See `controller.http.schemas.status`."""

from controller.http.schemas.status import Instant, Known, Shape

Minutes = list[float | None]


class Stands(Shape):
    """Capacity at the last read from the provider."""

    requested: int
    ready: int
    observed_at: str


class Past(Shape):
    """The past day, a value a minute from `first` on; quantiles as they were foretold."""

    first: str
    peak: Minutes
    busy: Minutes
    expected_peak: list[Minutes]
    expected_busy: list[Minutes]
    requested: Minutes | None


class Ahead(Shape):
    """Quantiles, a list a minute from `first` on."""

    first: str
    peak: list[Minutes]
    busy: list[Minutes]


class PastDay(Shape):
    """Accuracy of the forecasts of the last 24 h."""

    below: Minutes
    at_or_below: Minutes
    error_over_naive: Known


class Forecast(Shape):
    """Past demand, its earlier forecasts, and the current forecast."""

    now: str
    target: int | None
    capacity: Stands | None
    next: list[tuple[int, int]] | None
    next_at: Instant
    next_missing: str | None
    pool: str
    at: str
    lead_minutes: int
    enough_history: bool
    doubt: str | None
    levels: list[float]
    past: Past
    ahead: Ahead
    past_day: PastDay


class History(Shape):
    """Demand and warm capacity, minute by minute."""

    pool: str
    at: str
    first: str
    peak: Minutes
    busy: Minutes
    requested: Minutes
    ready: Minutes
