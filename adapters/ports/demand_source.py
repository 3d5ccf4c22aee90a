"""The port through which demand is read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from adapters.ports.errors import AdapterError
from adapters.ports.read_prices import ReadPrices
from config.model.demand import DemandSettings
from config.model.policy import PoolPolicy
from forecasting.demand import DemandSeries


@dataclass(frozen=True, slots=True)
class Telemetry:
    """Result of one collection for one pool.

    `series` is unknown (NaN) where nothing is proved: an absent point is zero only where the source proves that metrics were
    published. A recorded row replaces the known values of its minute; an unknown peak replaces a known one. `error`: why there
    is no new data. `alive`: True if metrics are proved fresh, False if proved missing or late, None if unknown.
    `duration_seconds`: mean duration of a request when the source reports it. `absent`: requested rows of `series` that have no
    point, so that their values are inferred; None when every known row was observed. When it is given, a row without data removes
    a zero that was inferred earlier. `quiet`: display text of why idleness and missing metrics cannot be distinguished; empty
    when they can. `corrected`: rows of `series` that correct an earlier answer by another source; their age is not the delay of
    the source. None without such rows.
    """

    series: DemandSeries
    alive: bool | None = None
    error: AdapterError | None = None
    duration_seconds: float | None = None
    absent: NDArray[np.bool_] | None = None
    quiet: str = ""
    corrected: NDArray[np.bool_] | None = None

    def own(self, minutes: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return those of `minutes`, which are rows of `series`, that correct no earlier answer."""
        return minutes if self.corrected is None else minutes[~self.corrected[minutes - self.series.first_minute]]


Demands = Sequence[tuple[PoolPolicy, DemandSettings]]
"""Pools with the complete settings of their demand sources."""


@runtime_checkable
class ReportsCost(Protocol):
    """Additional port of a demand source that counts the cost of its reads."""

    @property
    def spent_usd(self) -> float:
        """Return the cost of this process's reads at list price, in USD."""


class Part(IntEnum):
    """Part of a pool's demand to read."""

    LISTEN = 0
    """Nothing, unless the source finds that more ran than the other pools explain: then the peak."""
    PEAK = 1
    """The peak of each minute. Work and requests are estimated, or unknown, until everything is read."""
    ALL = 2


@runtime_checkable
class ReadsParts(Protocol):
    """Additional port of a demand source that is billed by what is read."""

    def prices(self, pool: str) -> ReadPrices | None:
        """Return the prices of a pool's reads; None where reads are not planned, so that `collect` reads the pool each time."""

    async def collect_parts(self, parts: Mapping[str, Part], since: Mapping[str, datetime],
                            until: datetime) -> Mapping[str, Telemetry]:
        """Return the demand of pools as `DemandSource.collect`, of each the part to read.

        The result lacks pools that listen and were not woken. Work of a minute whose peak alone was read is estimated, and its
        requests are unknown, unless an earlier read of everything had them.
        """


class DemandSource(Protocol):
    """Source of the demand history of many pools. One instance serves all pools of one account and region."""

    kind: str

    async def collect(self, pools: Sequence[str], since: Mapping[str, datetime], until: datetime) -> Mapping[str, Telemetry]:
        """Return the demand of each pool from its `since` to `until` (exclusive), in as few calls as possible.

        The result has an entry for every requested pool. A failure of one pool is the `error` of its entry and does not raise.
        Raise `AdapterError` when nothing could be read.
        """

    def monthly_cost_usd(self, pools: int, interval: timedelta) -> float:
        """Return the cost in USD a month of reading `pools` pools every `interval`, at the provider's list price."""


Sources = list[tuple[DemandSource, tuple[str, ...]]]
"""Demand sources, each with the names of its pools."""


class Reconciles(Protocol):
    """Provider of demand sources that another source of the same demand corrects later; see `DemandSettings.hindsight`."""

    def with_metrics(self, pools: Demands, metrics: Sources) -> Sources:
        """Return the sources of `pools`, one for each of `metrics`, the sources that correct them."""
