"""Bill of one minute of many pools, with units and prices as columns. Pure."""

from collections.abc import Sequence
from operator import attrgetter
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from controller.decision.costs.cost_model import MINUTE_SECONDS, CostTerms
from controller.decision.costs.work_above import work_above

Amounts = NDArray[np.float64]


class Units(NamedTuple):
    """Units of each pool in a minute: ready and billed ones of the lever, and those that pings keep warm as a layer above."""

    ready: Amounts
    paid: Amounts
    pinged: Amounts

    @classmethod
    def of_lever(cls, ready: Amounts, paid: Amounts) -> "Units":
        """Return units without a layer of pings."""
        return cls(ready, paid, np.zeros_like(ready))

    @property
    def warm(self) -> Amounts:
        """Units of both layers."""
        return self.ready + self.pinged


class Columns(NamedTuple):
    """Cost terms of all pools, one array per term: float64[pools]."""

    idle: Amounts
    warm_busy: Amounts
    on_demand: Amounts
    pinged_idle: Amounts
    init_seconds: Amounts
    cold_start_cost_usd: Amounts
    request_usd: Amounts
    stay_warm: Amounts
    keep_alive: Amounts
    billing_step: Amounts
    metric_delay: Amounts
    lead_time: Amounts
    shortest_keep_alive: Amounts
    longest_keep_alive: Amounts
    estimated_peak: Amounts

    @classmethod
    def of(cls, terms: Sequence[CostTerms]) -> "Columns":
        """Return the columns, with the pools in the order of `terms`."""
        return cls(*(np.fromiter(map(attrgetter(name), terms), np.float64, len(terms)) for name in cls._fields))

    @property
    def layered(self) -> NDArray[np.bool_]:
        """Whether the pool has a layer of pings above its lever."""
        layered: NDArray[np.bool_] = self.pinged_idle > 0
        return layered

    @property
    def keep_alives(self) -> tuple[Amounts, Amounts, Amounts]:
        """Keep-alive used for the figures, and the low and the high end of its range."""
        return self.keep_alive, self.shortest_keep_alive, self.longest_keep_alive

    @property
    def initialisation(self) -> Amounts:
        """Bill for the start of one unit in USD."""
        return self.init_seconds * self.on_demand / MINUTE_SECONDS


class Parts(NamedTuple):
    """Parts of the bill of a minute in USD: float64[pools] each."""

    warm: Amounts
    on_demand: Amounts
    init: Amounts
    requests: Amounts
    pings: Amounts

    @property
    def usd(self) -> Amounts:
        """Sum of the parts."""
        return self.warm + self.on_demand + self.init + self.requests + self.pings


class Kept(NamedTuple):
    """Cost of keeping the units of a minute warm in USD, without work: those of the lever, and those of a layer above it.
    float64[pools] each.
    """

    own: Amounts
    pinged: Amounts

    @classmethod
    def at_price(cls, units: Units, columns: Columns) -> "Kept":
        """Return the cost at the price of a unit-minute."""
        return cls(units.paid * columns.idle, units.pinged * columns.pinged_idle)

    def with_pings(self, sent: Amounts, columns: Columns) -> "Kept":
        """Return the cost with the pings that were really sent, float64[2, pools] as in `MinuteCapacity`, where they are known.

        They may be due in another minute than the one that they keep the units warm in.
        """
        pings, seconds = sent
        usd = pings * columns.request_usd + seconds / MINUTE_SECONDS * columns.on_demand
        known, layered = ~np.isnan(usd), columns.layered
        return Kept(np.where(known & ~layered, usd, self.own), np.where(known & layered, usd, self.pinged))


class Served(NamedTuple):
    """Work of a minute: on the lever's warm units, and above them. float64[pools] each, in units."""

    warm: Amounts
    above: Amounts

    @classmethod
    def of(cls, units: Units, busy: Amounts, peak: Amounts, columns: Columns) -> "Served":
        """Return the parts of work `busy` with this peak, NaN where it is unknown."""
        above = work_above(busy, peak, units.ready, columns.stay_warm)
        return cls(busy - above, above)


def bill(kept: Kept, served: Served, cold_starts: Amounts, requests: Amounts, columns: Columns) -> Parts:
    """Return the bill of a minute. `requests`: in USD. Work of pinged units has the on-demand price."""
    warm, on_demand = kept.own + served.warm * columns.warm_busy, served.above * columns.on_demand
    return Parts(warm, on_demand, cold_starts * columns.initialisation, requests, kept.pinged)
