"""Bill of a series of decisions against recorded demand. Pure; bills are calculated here only.

Warm units serve first. Demand above them runs on demand (`controller.decision.costs.work_above`), on units that stay warm for
the keep-alive after use. A cold start is demand without a warm unit (`controller.decision.costs.cold_starts`). A raise takes the
lead time, a reduction is immediate. A unit is billed while it is ready; where billing has steps, from the request to the end of a
step (`controller.decision.costs.billing_steps`). A minute of unknown demand is not counted: neither its cost nor its work.

The warm-hit rate is the share of invocations that did not wait: 1 - cold starts / invocations, over the counted minutes. Each
cold start makes exactly one invocation wait.
"""

from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from controller.decision.costs.billing_steps import Layers, change, rest
from controller.decision.costs.cold_starts import in_use, started
from controller.decision.costs.cost_model import MINUTE_SECONDS, CostTerms
from controller.decision.costs.ping_rounds import Minutes, during_rounds
from controller.decision.costs.work_above import work_above
from forecasting.demand import DemandSeries

Units = NDArray[np.int64]
Amounts = NDArray[np.float64]


@dataclass(frozen=True)
class JudgedDemand:
    """Demand that bills are calculated for: whole units at the peak, zero where unknown, and the minutes that count.

    `peak` int64[n], `busy` float64[n] with busy <= peak, `invocations` float64[n], `known` bool[n]; the accounting starts at
    row `start`.
    """

    peak: Units
    busy: Amounts
    invocations: Amounts
    known: NDArray[np.bool_]
    start: int = 0

    def __len__(self) -> int:
        return len(self.peak)

    @cached_property
    def counted(self) -> NDArray[np.bool_]:
        """Minutes that count, bool[n]: known, and not before the accounting starts."""
        counted = self.known.copy()
        counted[: self.start] = False
        return counted

    def until(self, end: int) -> "JudgedDemand":
        """Return the first `end` minutes, with all known ones counted."""
        return JudgedDemand(self.peak[:end], self.busy[:end], self.invocations[:end], self.known[:end])


@dataclass(frozen=True, slots=True)
class Bill:
    """Units, work and cold starts of the counted minutes, and their costs in USD.

    `cold_starts` includes `cold_starts_during_pings`: the expected number that happens because a round of pings holds units.

    `warm_unit_minutes`: warm units that are billed; `idle_usd`: their idle part. `warm_work_usd`: work on warm units.
    `on_demand_work_usd`: work above them. `init_usd`: initialisations billed as on-demand work. `wait_usd`: cold-start cost by
    the price in the policy, which no provider bills. `request_usd`: charges by request. `baseline_usd`: the same requests and
    work all on demand, without cold starts. `pinged_unit_minutes`, `ping_usd`: units that pings keep warm above the others, as a
    layer of the pool, and these pings.
    """

    minutes: int = 0
    invocations: float = 0.0
    cold_starts: int = 0
    cold_starts_during_pings: int = 0
    warm_unit_minutes: int = 0
    idle_unit_minutes: float = 0.0
    idle_usd: float = 0.0
    warm_work_usd: float = 0.0
    on_demand_work_usd: float = 0.0
    init_usd: float = 0.0
    wait_usd: float = 0.0
    baseline_usd: float = 0.0
    request_usd: float = 0.0
    pinged_unit_minutes: int = 0
    ping_usd: float = 0.0

    @property
    def provider_usd(self) -> float:
        """Bill of the provider for warm capacity, work and requests."""
        return self.idle_usd + self.warm_work_usd + self.on_demand_work_usd + self.init_usd + self.request_usd + self.ping_usd

    @property
    def total_usd(self) -> float:
        """Bill of the provider and cold-start cost."""
        return self.provider_usd + self.wait_usd

    @property
    def extra_usd(self) -> float:
        """Difference to serving everything on demand without cold starts; negative where warm capacity is cheaper."""
        return self.total_usd - self.baseline_usd

    @property
    def warm_hit_rate(self) -> float | None:
        """Share of invocations that did not wait; None without invocations."""
        return None if self.invocations <= 0 else max(0.0, 1.0 - self.cold_starts / self.invocations)

    def relative_to(self, nothing: "Bill") -> float | None:
        """Return `extra_usd` as a multiple of that of `nothing`, the bill without warm capacity; None unless that is positive."""
        return None if nothing.extra_usd <= 0 else self.extra_usd / nothing.extra_usd


def judged_demand(demand: DemandSeries, start: int = 0) -> JudgedDemand:
    """Return `demand` as bills are calculated for it; the accounting starts at row `start`."""
    peak = np.ceil(np.nan_to_num(demand.peak)).astype(np.int64)
    busy = np.minimum(np.nan_to_num(demand.busy).astype(np.float64), peak)
    return JudgedDemand(peak, busy, np.nan_to_num(demand.invocations).astype(np.float64), demand.known, start)


def earlier(values: Units, steps: int) -> Units:
    """Return `values` as they were `steps` minutes before; zero before the first."""
    if steps == 0:
        return values
    out = np.zeros_like(values)
    out[steps:] = values[:-steps]
    return out


def trailing_max(values: Units, window: int) -> Units:
    """Return the maximum of the last `window` values, including this one, by doubling: log2(window) passes."""
    out, reach = values.copy(), 1
    while reach < window:
        step = min(reach, window - reach)
        out[step:] = np.maximum(out[step:], out[:-step].copy())
        reach += step
    return out


def ready_of(target: Units, lead_time: int) -> Units:
    """Return the units ready at each minute: the minimum of `target` over it and the `lead_time` minutes before."""
    ready = target
    for step in range(1, lead_time + 1):
        ready = np.minimum(ready, earlier(target, step))
    return ready


def cold_starts_of(demand: JudgedDemand, ready: Units, keep_alive: int, stay_warm: bool = False) -> Units:
    """Return the requests of each minute that wait for an initialisation, including minutes that do not count: int64[n]."""
    used: Units = in_use(demand.peak, ready, stay_warm)
    if keep_alive == 0:
        return started(used, np.zeros_like(used), ready, stay_warm)
    used = through_gaps(used, demand.known, keep_alive)
    return started(used, earlier(trailing_max(used, keep_alive), 1), ready, stay_warm)


def cold_starts_during_pings(demand: JudgedDemand, ready: Units, terms: CostTerms) -> Amounts:
    """Return the expected cold starts of each minute that happen because a round of pings holds `ready` units: float64[n]."""
    if terms.pings is None:
        return np.zeros(len(demand))
    used = through_gaps(in_use(demand.peak, ready, terms.stay_warm), demand.known, terms.keep_alive)
    warm = np.maximum(earlier(trailing_max(used, terms.keep_alive), 1), ready)
    peak, pinged, warm_units = (each.astype(np.float64) for each in (demand.peak, ready, warm))
    minutes = Minutes(peak, demand.busy, demand.invocations, pinged, warm_units)
    return during_rounds(minutes, terms.keep_alive, terms.metric_delay, terms.pings)


def cold_starts_with_top(demand: JudgedDemand, ready: Units, pinged: Units, keep_alive: int, stay_warm: bool) -> Units:
    """Return the cold starts of each minute with `pinged` units warm above `ready` ones, as `cold_starts_of`.

    Pinged units are on-demand units, which stay warm for the keep-alive like any unit after use.
    """
    if stay_warm:
        return cold_starts_of(demand, ready + pinged, keep_alive, stay_warm)
    above = replace(demand, peak=np.maximum(demand.peak - ready, 0))
    return cold_starts_of(above, pinged, keep_alive, stay_warm=True)


def top_during_pings(demand: JudgedDemand, ready: Units, pinged: Units, terms: CostTerms) -> Amounts:
    """Return the expected cold starts of each minute that happen because a round holds the units of both layers: float64[n].

    A provider assigns provisioned units first, so a round has to hold them too.
    """
    if terms.top is None:
        return np.zeros(len(demand))
    both = np.where(pinged > 0, ready + pinged, 0)
    as_one = replace(terms, pings=terms.top.pings, stay_warm=True)
    return cold_starts_during_pings(demand, both, as_one)


def through_gaps(used: Units, known: NDArray[np.bool_], keep_alive: int) -> Units:
    """Return `used` where units that were warm before a run of unknown minutes stay warm through it."""
    edges = np.flatnonzero(np.diff(known, prepend=True, append=True))
    if not len(edges):
        return used
    warm_through = used.copy()
    for first, end in edges.reshape(-1, 2).tolist():
        warm = warm_through[max(0, first - keep_alive) : first].max(initial=0)
        warm_through[first:end] = np.maximum.accumulate(np.maximum(warm_through[first:end], warm))
    return warm_through


def paid_of(target: Units, ready: Units, billing_step: int) -> Units:
    """Return the units billed in each minute: those ready; with a billing step, from the request to the end of a step."""
    if not billing_step:
        return ready
    beyond: Units = np.zeros(len(target) + billing_step, np.int64)
    layers: Layers[int] = []
    for at in np.flatnonzero(np.diff(target, prepend=0)).tolist():
        for since, units in change(layers, int(target[at]), at):
            beyond[at] += units
            beyond[at + rest(at - since, billing_step)] -= units
    return target + np.cumsum(beyond)[: len(target)]


def bill_of(demand: JudgedDemand, target: Units, terms: CostTerms, top: Units | None = None) -> Bill:
    """Return what requesting `target` (int64[n]), and `top` units (int64[n]) kept by pings above, would have cost."""
    ready = ready_of(target, terms.lead_time)
    counted = demand.counted
    pinged = np.zeros_like(ready) if top is None else ready_of(top, terms.lead_time)
    if top is None:
        waits, cold_starts = (cold_starts_during_pings(demand, ready, terms),
                              cold_starts_of(demand, ready, terms.keep_alive, terms.stay_warm))
    else:
        waits, cold_starts = (top_during_pings(demand, ready, pinged, terms),
                              cold_starts_with_top(demand, ready, pinged, terms.keep_alive, terms.stay_warm))
    during_pings = round(float(waits[counted].sum()))
    cold = int(cold_starts[counted].sum()) + during_pings
    kept = int(pinged[counted].sum())
    warm = int(paid_of(target, ready, terms.billing_step)[counted].sum())
    busy, invocations = float(demand.busy[counted].sum()), float(demand.invocations[counted].sum())
    above = work_above(demand.busy[counted], demand.peak[counted], ready[counted], terms.stay_warm)
    warm_busy, requests = busy - float(above.sum()), invocations * terms.request_usd
    return Bill(
        minutes=int(counted.sum()), invocations=invocations, cold_starts=cold, cold_starts_during_pings=during_pings,
        warm_unit_minutes=warm, idle_unit_minutes=warm - warm_busy, idle_usd=(warm - warm_busy) * terms.idle,
        warm_work_usd=warm_busy * (terms.idle + terms.warm_busy), on_demand_work_usd=(busy - warm_busy) * terms.on_demand,
        init_usd=cold * terms.init_seconds * terms.on_demand / MINUTE_SECONDS, wait_usd=cold * terms.cold_start_cost_usd,
        baseline_usd=busy * terms.on_demand + requests, request_usd=requests, pinged_unit_minutes=kept,
        ping_usd=kept * terms.pinged_idle,
    )


def total(bills: Iterable[Bill]) -> Bill:
    """Return the sum of several bills."""
    each = list(bills)
    return Bill(**{field.name: sum(getattr(bill, field.name) for bill in each) for field in fields(Bill)})
