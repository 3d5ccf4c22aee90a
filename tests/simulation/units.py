"""A pool's units, each with a counter of its own on a page, as the daemon's own code reads such pages."""

import numpy as np

from adapters.web.demand_page import PageReading, PageReadings
from adapters.web.exposition import Labels, Value
from forecasting.demand import DemandSeries

UNITS = 3
REQUESTS = 10
"""A minute for each unit of work in flight."""


class Units:
    """`traffic`: work in flight by minute from `base` on. Requests are shared out in whole numbers."""

    def __init__(self, traffic: np.ndarray, base: int) -> None:
        self._traffic, self._base = traffic, base
        self._counters = dict.fromkeys(range(UNITS), 0)
        self._counted = 0
        self.looks = PageReadings()

    def read(self, minute: int, restarts: float | None) -> None:
        """The page is read in `minute`. `restarts`: which unit ends just before, None: none. Below a half another begins under a
        name of its own, else it begins again under the same name.
        """
        rows = range(self._counted, min(minute - self._base, len(self._traffic)))
        self._counted = max(self._counted, rows.stop)
        for number in (round(float(self._traffic[row]) * REQUESTS) for row in rows):
            for order, unit in enumerate(self._counters):
                self._counters[unit] += number // UNITS + (number % UNITS if order == 0 else 0)
        if restarts is not None:
            oldest = min(self._counters)
            del self._counters[oldest]
            self._counters[max(self._counters) + 1 if restarts < 0.5 else oldest] = 0
        sets = self._counters.items()
        page: dict[Labels, Value] = {frozenset({("unit", str(unit))}): Value(float(so_far)) for unit, so_far in sets}
        self.looks.add(PageReading(minute * 60.0, 0.0, page, None))

    def counted(self, series: DemandSeries) -> DemandSeries:
        """`series` with the requests that the readings prove, where they prove any."""
        proved = self.looks.series(series.first_minute, series.end_minute)
        requests = np.where(proved.known & series.known, proved.invocations, series.invocations)
        return DemandSeries(series.first_minute, series.peak, series.busy, requests)
