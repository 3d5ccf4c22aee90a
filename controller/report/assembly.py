"""Report of all pools from what the store holds. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

import numpy as np
from numpy.typing import NDArray

from config.model.policy import PoolPolicy
from controller.decision.costs.kinds import Mode
from controller.decision.planning.reason_codes import ReasonCode
from controller.forecasts.capacity_forecast import SCORED_LEVELS
from controller.forecasts.daily_coverage import NONE, Coverage
from controller.report.accounts import Accounts, accounts_of
from controller.report.decisions import Decision, in_mode
from controller.report.gate import FULL_DAY_SHARE, LEAST_SCORED, Facts, Gate, gate_of
from controller.report.notable import TROUBLES, Notable, notable
from controller.report.period import Known, Period, known_of
from controller.report.reading import Own, Shared
from controller.store.codec import summed
from forecasting.demand import MINUTES_PER_DAY, DemandSeries, minute_of

MODES: tuple[Mode, ...] = ("shadow", "active")
P90 = SCORED_LEVELS.index(0.9)
UNRESOLVED: frozenset[str] = frozenset(TROUBLES) - {ReasonCode.UNKNOWN_MINUTES, ReasonCode.QUOTA, ReasonCode.DELETES_SETTING,
                                    ReasonCode.FOREIGN_OWNER}
"""Reasons that are an unresolved error if the last recorded decision holds for one of them."""


@dataclass(frozen=True, slots=True)
class Changes:
    """Changes of the target, and its lowest and highest value; None without any decision."""

    count: int
    lowest: int | None
    highest: int | None


@dataclass(frozen=True, slots=True)
class PoolReport:
    """One pool in one mode. `days`: the accounts by day. `series`: demand of the period, and requested units by minute, NaN where
    the pool was in another mode or nothing is known. `gate`: for a pool that is in shadow mode now, else None. `pings`: changes
    of the pings above the base of a pool with layers, whose own changes are those of the base; None for a pool with one lever.
    """

    name: str
    mode: Mode
    accounts: Accounts
    days: Mapping[date, Accounts]
    known: Known
    changes: Changes
    notable: tuple[Notable, ...]
    coverage: Coverage
    demand: DemandSeries
    requested: NDArray[np.float64]
    gate: Gate | None
    pings: Changes | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """Report of a policy's pools; a pool that changed its mode appears once for each."""

    period: Period
    pools: tuple[PoolReport, ...]
    metric_reads_usd_per_month: float | None

    @property
    def gated(self) -> list[PoolReport]:
        """Pools that are in shadow mode now."""
        return [pool for pool in self.pools if pool.gate is not None]

    @property
    def ready(self) -> bool:
        """Whether every pool in shadow mode is ready for active mode."""
        return all(pool.gate is None or pool.gate.ready for pool in self.pools)


def without_series(pool: PoolReport) -> PoolReport:
    """Return the report without demand and capacity by minute, which only a chart needs: they are 0.1 MB per pool."""
    return replace(pool, demand=DemandSeries.empty(pool.demand.first_minute, 0), requested=np.empty(0))


def pool_reports(pool: PoolPolicy, period: Period, shared: Shared, own: Own) -> list[PoolReport]:
    """Return the report of one pool in its present mode, and in the other mode if it was in that one during the period."""
    def was_in(mode: Mode) -> bool:
        return any(pool.name in by_mode.get(mode, {}) for by_mode in shared.accounts.values()) or any(
            True for _ in in_mode(own.decisions, mode, period))

    return [pool_report(pool, mode, period, shared, own) for mode in MODES if mode == pool.mode or was_in(mode)]


def pool_report(pool: PoolPolicy, mode: Mode, period: Period, shared: Shared, own: Own) -> PoolReport:
    """Return the report of one pool in one mode."""
    decisions = list(in_mode(own.decisions, mode, period))
    sums: dict[str, float] = {}
    days: dict[date, Accounts] = {}
    for day, by_mode in shared.accounts.items():
        of_day = by_mode.get(mode, {}).get(pool.name, {})
        days[day], sums = accounts_of(of_day), summed(sums, of_day)
    coverage = sum((of_day[pool.name] for of_day in shared.coverage.values() if pool.name in of_day), NONE)
    accounts, requested = accounts_of(sums), requested_units(own, mode)
    gate = None
    if mode == pool.mode == "shadow":
        gate = gate_of(facts_of(pool, period, accounts, days, coverage, own))
    return PoolReport(pool.name, mode, accounts, days, known_of(own.demand.known, own.demand.first_minute),
                      changes_of(decisions, own.decisions, mode, period), notable(decisions, own.demand), coverage, own.demand,
                      requested, gate, None if own.pings is None else
                      changes_of(list(in_mode(own.pings, mode, period)), own.pings, mode, period))


def changes_of(decisions: Sequence[Decision], stored: Sequence[Decision], mode: Mode, period: Period) -> Changes:
    """Return the changes of the target among `decisions`. The units at the start of the period count for lowest and highest."""
    earlier = [each.units for each in stored if each.at < period.start and each.mode == mode]
    targets = [units for units in (*earlier, *(each.units for each in decisions)) if units is not None]
    changed = sum(1 for each in decisions if each.writes and each.target != each.requested)
    return Changes(changed, min(targets, default=None), max(targets, default=None))


def requested_units(own: Own, mode: Mode) -> NDArray[np.float64]:
    """Return the units requested in each minute of the demand by decisions in `mode`, NaN where unknown: float64[minutes].

    The units of the last decision count up to the newest minute of known demand: after that no daemon may have run.
    """
    first, units, at = own.demand.first_minute, np.full(len(own.demand), np.nan), 0
    for decision in own.decisions:
        at = max(0, minute_of(decision.at) - first)
        units[at:] = decision.units if decision.mode == mode and decision.units is not None else np.nan
    newest = first if own.newest_minute is None else own.newest_minute
    units[max(at, newest - first) + 1 :] = np.nan
    return units


def facts_of(pool: PoolPolicy, period: Period, accounts: Accounts, days: Mapping[date, Accounts], coverage: Coverage,
             own: Own) -> Facts:
    """Return what the gate knows of a pool in shadow mode."""
    last = [each[-1] for each in (own.decisions, own.pings) if each]
    deciding = [each.deciding for each in last if each.holds]
    errors = tuple(dict.fromkeys(each.code for each in deciding if each is not None and each.code in UNRESOLVED))
    shadow = list(in_mode(own.decisions, "shadow", period))
    age = None if own.newest_minute is None else minute_of(period.end) - own.newest_minute
    return Facts(
        full_days=sum(1 for day in days.values() if day.known >= FULL_DAY_SHARE * MINUTES_PER_DAY),
        data_age_minutes=age, coverage_error=coverage_error(coverage) if coverage.minutes >= LEAST_SCORED else None,
        errors=errors, other_autoscalers=sum(1 for each in shadow if each.step(ReasonCode.FOREIGN_OWNER) is not None),
        at_quota=sum(1 for each in shadow if each.step(ReasonCode.QUOTA) is not None), better_by_usd=accounts.better_by_usd,
        warm_share=accounts.warm_share, warm_hit_rate=pool.objective.warm_hit_rate)


def coverage_error(coverage: Coverage) -> float:
    """Return the distance of P90 from its nominal coverage. It is 0 if 90 % lies between the shares of minutes with demand below,
    and at or below, the quantile: demand is counts, so many minutes equal it.
    """
    below, at_or_below = coverage.below[P90] / coverage.minutes, coverage.at_or_below[P90] / coverage.minutes
    return max(0.0, below - SCORED_LEVELS[P90], SCORED_LEVELS[P90] - at_or_below)
