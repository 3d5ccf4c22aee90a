"""Result of a backtest: decisions and bills of each pool, and the bills of other policies. Pure."""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

from adapters.demand.history_file import Doubt
from controller.backtest.frontier import Frontier, frontier_body, summed
from controller.backtest.lever_comparison import Alternative
from controller.backtest.replay import Replay
from controller.decision.costs.bill import Bill, JudgedDemand, bill_of, total
from controller.decision.costs.cost_model import MINUTES_A_MONTH, CostTerms
from controller.decision.costs.estimated_peaks import peak_range
from controller.decision.costs.keep_alive import KeepAlive, keep_alive_body
from controller.decision.costs.sentences import WITHOUT_STOKER
from forecasting.demand import DemandSeries, instant_of
from forecasting.plausible import recorded_period

STOKER = "stoker"
OWN = (STOKER, WITHOUT_STOKER)
"""Strategies of every backtest; others only with a comparison."""


@dataclass(frozen=True, slots=True)
class PoolOutcome:
    """Result of one pool. `peers`: bills of other policies by name, in the order of the comparison; empty without a comparison.
    `levers`: the same traffic with other levers; empty unless requested. `doubts`: contradictory rows of the history, which count
    as unknown. `assumed`: values that the policy does not set, see `controller.decision.costs.assumptions`. `ends`: Stoker's bill
    and the bill without warm capacity, at the low end of the keep-alive with the high end of an estimated peak, and at the
    opposite ends; empty without a range.
    """

    replay: Replay
    demand: DemandSeries
    load: JudgedDemand
    terms: CostTerms
    keep_alive: KeepAlive
    stoker: Bill
    nothing: Bill
    peers: dict[str, Bill] = field(default_factory=dict)
    levers: tuple[Alternative, ...] = ()
    doubts: tuple[Doubt, ...] = ()
    assumed: Mapping[str, str] = field(default_factory=dict)
    ends: tuple[tuple[Bill, Bill], ...] = ()
    frontier: Frontier | None = None

    @property
    def name(self) -> str:
        """Name of the pool."""
        return self.replay.pool

    @property
    def known_share(self) -> float:
        """Share of counted minutes whose demand is known. All figures are of these minutes."""
        return float(self.load.known[self.load.start :].mean())

    @property
    def read_usd_per_month(self) -> float | None:
        """Price of reading the pool's metrics in the counted minutes, in USD per month; None where reads are free."""
        read = self.replay.read_usd
        return None if read is None else float(read[self.load.start :].mean()) * MINUTES_A_MONTH

    @property
    def period(self) -> int:
        """Minutes of the periods that the history was recorded in."""
        return recorded_period(self.demand)

    @property
    def zeros(self) -> int:
        """Number of counted minutes with a peak of 0 in a history without gaps; 0 for a history with gaps."""
        return 0 if not self.load.known.all() else int((self.load.peak[self.load.start :] == 0).sum())


@dataclass(frozen=True, slots=True)
class Outcome:
    """Results of all pools of a backtest."""

    pools: tuple[PoolOutcome, ...]

    @property
    def stoker(self) -> Bill:
        """Stoker's bill over all pools."""
        return total(pool.stoker for pool in self.pools)

    @property
    def nothing(self) -> Bill:
        """Bill over all pools without warm capacity."""
        return total(pool.nothing for pool in self.pools)

    @property
    def peers(self) -> dict[str, Bill]:
        """Bill of each other policy over all pools."""
        names = list(self.pools[0].peers) if self.pools else []
        return {name: total(pool.peers[name] for pool in self.pools) for name in names}

    @property
    def frontier(self) -> Frontier | None:
        """Frontier over all pools; None unless every pool has one."""
        each = [pool.frontier for pool in self.pools if pool.frontier is not None]
        return summed(each) if each and len(each) == len(self.pools) else None


class Monthly(NamedTuple):
    """Figures of a bill per month of 730 h."""

    cold_starts: float = 0.0
    bill_usd: float = 0.0
    cold_start_cost_usd: float = 0.0

    @property
    def sum_usd(self) -> float:
        """Bill + cold-start cost."""
        return self.bill_usd + self.cold_start_cost_usd


def monthly(bills: Iterable[Bill]) -> Monthly:
    """Return the sum of bills, each scaled from its counted minutes to a month. A bill without minutes counts as 0."""
    rows = [(MINUTES_A_MONTH / bill.minutes, bill) for bill in bills if bill.minutes]
    return Monthly(*(sum(factor * getattr(bill, name) for factor, bill in rows)
                     for name in ("cold_starts", "provider_usd", "wait_usd")))


def strategies(pools: Sequence[PoolOutcome]) -> dict[str, list[Bill]]:
    """Return the bills of Stoker, of no warm capacity and of each strategy compared, by name, with one bill per pool."""
    rows = {STOKER: [pool.stoker for pool in pools], WITHOUT_STOKER: [pool.nothing for pool in pools]}
    return rows | {name: [pool.peers[name] for pool in pools] for name in pools[0].peers}


def spread(pools: Sequence[PoolOutcome]) -> dict[str, tuple[float, float]]:
    """Return minimum and maximum of three sums over all pools, over the range of the keep-alive and of an estimated peak: cold
    starts, cold starts without Stoker, and the change of bill + cold-start cost, negative when it fell. Empty without a range.
    """
    if not any(pool.ends for pool in pools):
        return {}
    exact = [(pool.stoker, pool.nothing) for pool in pools]
    cases = [exact, *([pool.ends[end] if pool.ends else mine for pool, mine in zip(pools, exact, strict=True)] for end in (0, 1))]
    return {name: (min(values), max(values)) for name, values in (
        ("cold_starts", [float(sum(stoker.cold_starts for stoker, _ in case)) for case in cases]),
        ("cold_starts_without_stoker", [float(sum(nothing.cold_starts for _, nothing in case)) for case in cases]),
        ("bill_plus_cold_start_cost_change_usd",
         [sum(stoker.total_usd - nothing.total_usd for stoker, nothing in case) for case in cases]))}


def peak_ends(load: JudgedDemand) -> tuple[JudgedDemand, JudgedDemand]:
    """Return demand with the low and with the high end of an estimated peak in each minute."""
    ends = peak_range(load.peak.astype(np.float64), load.busy, load.invocations, np.ones(len(load)))
    low, high = (dataclasses.replace(load, peak=end.astype(np.int64)) for end in ends)
    return low, high


def judged(replay: Replay, demand: DemandSeries, load: JudgedDemand, terms: CostTerms, keep_alive: KeepAlive,
           peers: dict[str, Bill], levers: Sequence[Alternative] = (), doubts: tuple[Doubt, ...] = (),
           assumed: Mapping[str, str] = MappingProxyType({})) -> PoolOutcome:
    """Return the result of one pool with its bills."""
    def bills(terms: CostTerms, load: JudgedDemand) -> tuple[Bill, Bill]:
        return bill_of(load, replay.target, terms, replay.pinged), bill_of(load, np.zeros(len(load), np.int64), terms)
    spans, ends = (terms.shortest_keep_alive, terms.longest_keep_alive), list[tuple[Bill, Bill]]()
    if spans[0] < spans[1] or terms.estimated_peak:
        low, high = peak_ends(load) if terms.estimated_peak else (load, load)
        # high peaks with the shortest keep-alive: both add cold starts
        ends = [bills(dataclasses.replace(terms, keep_alive=span), each) for span, each in zip(spans, (high, low), strict=True)]
    return PoolOutcome(replay, demand, load, terms, keep_alive, *bills(terms, load), peers, tuple(levers), doubts, assumed,
                       tuple(ends))


def as_json(outcome: Outcome) -> dict[str, object]:
    """Return the result as JSON values."""
    return {
        "pools": {pool.name: _pool(pool) for pool in outcome.pools},
        "total": _bills(strategies(outcome.pools))
                 | {"range": spread(outcome.pools) or None} | _frontier(outcome.frontier),
    }


def _pool(pool: PoolOutcome) -> dict[str, object]:
    first, end = pool.demand.first_minute, pool.demand.end_minute
    terms = pool.terms
    return {
        "history": {
            "first": _stamp(first), "last": _stamp(end - 1), "counted_from": _stamp(first + pool.load.start),
            "minutes": len(pool.demand), "unknown_minutes": int((~pool.load.known).sum()),
            "counted_known_share": round(pool.known_share, 6), "zeros_without_gaps": pool.zeros,
            "recorded_period_minutes": pool.period,
            "impossible_rows": [{"line": line, "what": what} for line, what in pool.doubts],
        },
        "terms": {
            "idle_usd_per_unit_minute": terms.idle, "warm_busy_usd_per_unit_minute": terms.warm_busy,
            "on_demand_usd_per_unit_minute": terms.on_demand, "request_usd": terms.request_usd,
            "init_seconds": terms.init_seconds, "cold_start_cost_usd": terms.cold_start_cost_usd,
            "cold_start_cost_usd_per_second": terms.cold_start_cost_usd_per_second,
            "metric_delay_minutes": terms.metric_delay, "lead_time_minutes": terms.lead_time,
            "keep_alive_minutes": terms.keep_alive, "keep_alive": keep_alive_body(pool.keep_alive),
            "billing_step_minutes": terms.billing_step, "warm_hit_rate": terms.warm_hit_rate,
            "assumed": dict(pool.assumed),
        },
        "metric_reads_usd_per_month": pool.read_usd_per_month,
    } | _bills(strategies([pool])) | {"range": spread([pool]) or None} | _levers(pool) | _frontier(pool.frontier)


def _frontier(frontier: Frontier | None) -> dict[str, object]:
    return {} if frontier is None else {"frontier": frontier_body(frontier)}


def _levers(pool: PoolOutcome) -> dict[str, object]:
    if not pool.levers:
        return {}
    bills = {one.kind: _bills({STOKER: [one.stoker], WITHOUT_STOKER: [one.nothing]}) for one in pool.levers}
    return {"levers": {one.kind: {"keep_alive": keep_alive_body(one.keep_alive)} | bills[one.kind] for one in pool.levers}}


def _bills(bills: Mapping[str, Sequence[Bill]]) -> dict[str, object]:
    nothing = total(bills[WITHOUT_STOKER])
    rows: dict[str, object] = {name: _bill(each, nothing) for name, each in bills.items()}
    peers = {WITHOUT_STOKER: rows[WITHOUT_STOKER]} | {name: row for name, row in rows.items() if name not in OWN}
    return {name: rows[name] for name in OWN} | ({"peers": peers} if len(rows) > len(OWN) else {})


def _bill(bills: Sequence[Bill], nothing: Bill) -> dict[str, object]:
    """Return the sum of bills; `relative_cost` is None when the baseline has no extra cost."""
    bill, month = total(bills), monthly(bills)
    return {
        "minutes": bill.minutes,
        "invocations": round(bill.invocations, 6),
        "cold_starts": bill.cold_starts,
        "cold_starts_during_pings": bill.cold_starts_during_pings,
        "warm_hit_rate": bill.warm_hit_rate,
        "warm_unit_minutes": bill.warm_unit_minutes,
        "idle_unit_minutes": bill.idle_unit_minutes,
        "pinged_unit_minutes": bill.pinged_unit_minutes,
        "cost_usd": {
            "idle": bill.idle_usd, "warm_work": bill.warm_work_usd, "on_demand_work": bill.on_demand_work_usd,
            "cold_start_init": bill.init_usd, "requests": bill.request_usd, "pings": bill.ping_usd, "bill": bill.provider_usd,
            "cold_start_cost": bill.wait_usd, "bill_plus_cold_start_cost": bill.total_usd, "extra": bill.extra_usd,
        },
        "per_month": {"cold_starts": month.cold_starts, "bill_usd": month.bill_usd,
                      "cold_start_cost_usd": month.cold_start_cost_usd, "bill_plus_cold_start_cost_usd": month.sum_usd},
        "relative_cost": bill.relative_to(nothing),
    }


def _stamp(minute: int) -> str:
    return f"{instant_of(minute):%Y-%m-%dT%H:%M:%SZ}"
