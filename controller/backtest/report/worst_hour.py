"""The hour with the most cold starts, and their causes. Pure."""

from dataclasses import dataclass

import numpy as np

from config.model.shown import local, time_text
from controller.backtest.report.text import LABELS, count, share
from controller.backtest.result import PoolOutcome
from controller.decision.costs import baselines
from controller.decision.costs.bill import Units, bill_of, cold_starts_of, cold_starts_with_top, ready_of
from controller.decision.costs.sentences import TARGET_TRACKING, cold_starts_text, dollars
from forecasting.demand import instant_of

HOUR = 60


@dataclass(frozen=True, slots=True)
class Minute:
    """One minute of the worst hour. `demand`: None when unknown; `why`: empty without a new plan. `ready`, `requested`: units of
    the base. `pinged`: warm units that pings keep above it; None for a pool with one lever.
    """

    at: str
    demand: int | None
    ready: int
    requested: int
    cold: int
    why: str
    pinged: int | None = None


@dataclass(frozen=True, slots=True)
class WorstHour:
    """Clock hour with the most cold starts. `first`: its first row; `sentences`: a description; `minutes`: its minutes."""

    first: int
    cold: int
    title: str
    sentences: tuple[str, ...]
    minutes: tuple[Minute, ...]


def counted_cold(pool: PoolOutcome, target: Units, top: Units | None = None) -> tuple[Units, Units]:
    """Return ready units and counted cold starts of each minute with `target`, and `top` units kept by pings above."""
    ready, terms = ready_of(target, pool.terms.lead_time), pool.terms
    if top is None:
        return ready, np.where(pool.load.counted, cold_starts_of(pool.load, ready, terms.keep_alive, terms.stay_warm), 0)
    pinged = ready_of(top, terms.lead_time)
    cold = cold_starts_with_top(pool.load, ready, pinged, terms.keep_alive, terms.stay_warm)
    return ready + pinged, np.where(pool.load.counted, cold, 0)


def base_ready(pool: PoolOutcome) -> Units:
    """Return the ready units of the base in each minute."""
    return ready_of(pool.replay.target, pool.terms.lead_time)


def worst_hour(pool: PoolOutcome) -> WorstHour | None:
    """Return the clock hour with the most cold starts with Stoker (the first if several); None without cold starts."""
    ready, cold = counted_cold(pool, pool.replay.target, pool.replay.pinged)
    if not cold.any():
        return None
    hours = (pool.demand.first_minute + np.arange(len(cold))) // HOUR
    each = np.bincount(hours - hours[0], weights=cold)
    rows = np.flatnonzero(hours - hours[0] == int(each.argmax()))
    within = slice(int(rows[0]), int(rows[-1]) + 1)
    start, end = (instant_of(pool.demand.first_minute + row) for row in (within.start, within.stop))
    title = f"{local(start):%A %-d %B, %H:%M} to {time_text(end, '%H:%M')}"
    text, table = sentences(pool, within, cold, ready), minutes(pool, within, cold, ready)
    return WorstHour(within.start, int(each.max()), title, text, table)


def sentences(pool: PoolOutcome, within: slice, cold: Units, ready: Units) -> tuple[str, ...]:
    """Return the description of the worst hour."""
    load, terms = pool.load, pool.terms
    waits, at = int(cold[within].sum()), within.start + int(cold[within].argmax())
    peak, before = int(load.peak[at]), int(load.peak[max(0, at - 10) : at].max(initial=0))
    part = share(waits, pool.stoker.cold_starts)
    lines = [f"{count(waits)} of the {cold_starts_text(pool.stoker.cold_starts)} ({part}) occurred in this hour."]
    lines.append(f"The worst minute was {clock(pool, at)}, with {cold_starts_text(int(cold[at]))}: demand reached {peak}, "
                 f"after a maximum of {before} in the 10 min before; {ready_text(pool, ready, at)} were ready.")
    caught = np.flatnonzero(ready[at : at + HOUR] >= peak)
    if peak > before and len(caught):
        lines.append(f"The metric delay is {terms.metric_delay} min and the lead time is {terms.lead_time} min; {peak} units "
                     f"were ready after {caught[0]} min.")
    always = bill_of(load, np.full(len(load), peak, np.int64), terms)
    if always.extra_usd > pool.stoker.extra_usd:
        difference = dollars(always.extra_usd - pool.stoker.extra_usd)
        lines.append(f"A constant {peak} warm units would have cost {difference} more over the whole period "
                     f"(bill + cold-start cost).")
    tracked, without = baselines.target_tracking(load, terms), np.zeros(len(load), np.int64)
    tracking, nothing = (int(counted_cold(pool, target)[1][within].sum()) for target in (tracked, without))
    lines.append(f"In the same hour there would have been {count(tracking)} cold starts with {LABELS[TARGET_TRACKING]}, "
                 f"and {count(nothing)} without Stoker.")
    return tuple(lines)


def ready_text(pool: PoolOutcome, ready: Units, at: int) -> str:
    """Return the ready units of a row; of a pool with layers those of each."""
    if pool.replay.pinged is None:
        return f"{ready[at]} units"
    base = base_ready(pool)[at]
    return f"{base} units of the base and {ready[at] - base} kept by pings"


def minutes(pool: PoolOutcome, within: slice, cold: Units, ready: Units) -> tuple[Minute, ...]:
    """Return the minutes of the worst hour, with the reasons of the plans made in each."""
    planned: dict[int, str] = {}
    for row, reasons in pool.replay.reasons:
        # the last plan before the hour is shown at its first minute
        planned[max(row, within.start)] = "; ".join(reason.text for reason in reasons)
    base, layered = base_ready(pool), pool.replay.pinged is not None
    return tuple(
        Minute(clock(pool, row), int(pool.load.peak[row]) if pool.load.known[row] else None, int(base[row]),
               int(pool.replay.target[row]), int(cold[row]), planned.get(row, ""),
               int(ready[row] - base[row]) if layered else None)
        for row in range(within.start, within.stop)
    )


def clock(pool: PoolOutcome, row: int) -> str:
    """Return the time of day of a row."""
    return f"{local(instant_of(pool.demand.first_minute + row)):%H:%M}"
