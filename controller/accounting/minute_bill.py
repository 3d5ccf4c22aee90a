"""The bill of one minute of many pools: units, prices as columns, and what they cost. Pure."""

from collections.abc import Sequence
from operator import attrgetter
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from controller.decision.costs.cost_model import MINUTE_SECONDS, CostTerms

Amounts = NDArray[np.float64]


class Units(NamedTuple):
    """Units of each pool in a minute: those that serve, and those that are paid for."""

    ready: Amounts
    paid: Amounts


class Columns(NamedTuple):
    """Terms of all pools, as an array of each: float64[pools]."""

    idle: Amounts
    warm_busy: Amounts
    on_demand: Amounts
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
        """One row a pool, in their order."""
        return cls(*(np.fromiter(map(attrgetter(name), terms), np.float64, len(terms)) for name in cls._fields))

    @property
    def keep_alives(self) -> tuple[Amounts, Amounts, Amounts]:
        """What is calculated with, and the low and the high end of its range."""
        return self.keep_alive, self.shortest_keep_alive, self.longest_keep_alive

    @property
    def initialisation(self) -> Amounts:
        """USD of starting one unit."""
        return self.init_seconds * self.on_demand / MINUTE_SECONDS


class Parts(NamedTuple):
    """What a minute of each pool is billed for, in USD: float64[pools] each."""

    warm: Amounts
    on_demand: Amounts
    init: Amounts
    requests: Amounts

    @property
    def usd(self) -> Amounts:
        return self.warm + self.on_demand + self.init + self.requests


def bill(units: Units, work: Amounts, cold_starts: Amounts, requests: Amounts, it: Columns) -> Parts:
    """The bill of a minute with these warm `units`, in which `work` ran and `cold_starts` began; `requests` in USD."""
    served = np.minimum(work, units.ready)
    warm, on_demand = units.paid * it.idle + served * it.warm_busy, (work - served) * it.on_demand
    return Parts(warm, on_demand, cold_starts * it.initialisation, requests)
