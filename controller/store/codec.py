"""Conversion of values to rows of the store and back. Pure."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from controller.decision.planning.plan import Plan, PlannedDecision
from controller.decision.planning.pool_state.state import INSTANTS, TIMED, PoolState
from controller.decision.planning.record.decision_record import inputs_body, plan_body
from controller.redaction.redactor import redact
from forecasting.demand import DemandSeries

MINUTES = 60
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
STATE_FIELDS = frozenset(field.name for field in fields(PoolState))
Block = NDArray[np.float32]


class LeadTime(NamedTuple):
    """Measured lead time: `target` was requested at `at` and ready `seconds` later."""

    at: datetime
    target: int
    seconds: float


def micros(instant: datetime) -> int:
    """Return whole microseconds since the Unix epoch; `TypeError` for a naive datetime."""
    return (instant - EPOCH) // MICROSECOND


def instant(micros_since_epoch: int) -> datetime:
    """Return the UTC datetime of `micros`."""
    return EPOCH + micros_since_epoch * MICROSECOND


def blocks(series: DemandSeries) -> Iterator[tuple[int, Block]]:
    """Yield each hour with recorded minutes as (hours since the epoch, float32[3, 60]); other minutes are NaN."""
    first, end = series.first_minute // MINUTES, -(-series.end_minute // MINUTES)
    whole = series.window(first * MINUTES, end * MINUTES)
    rows = np.stack((whole.peak, whole.busy, whole.invocations)).astype("<f4")
    recorded = whole.recorded
    rows[:, ~recorded] = np.nan
    hours = rows.reshape(3, end - first, MINUTES).swapaxes(0, 1)
    for at in np.flatnonzero(recorded.reshape(end - first, MINUTES).any(axis=1)):
        yield first + int(at), hours[at]


def merged_hour(newer: Block, stored: bytes) -> Block:
    """Return the stored hour with the minutes that `newer` records replaced. A newer minute without a peak removes the peak."""
    return np.where(np.isnan(newer[0]) & np.isnan(newer[2]), hour_of(stored), newer)


def by_hour(minutes: Sequence[int]) -> Iterator[tuple[int, NDArray[np.int64]]]:
    """Yield each hour (since the epoch) of `minutes` with the minutes (0 to 59) in it."""
    hours, within = np.divmod(np.asarray(minutes, np.int64), MINUTES)
    for hour in np.unique(hours).tolist():
        yield hour, within[hours == hour]


def without_zeros(stored: bytes, minutes: NDArray[np.int64]) -> Block:
    """Return the stored hour with those of its `minutes` unknown whose stored peak is 0."""
    block = hour_of(stored).copy()
    block[:, minutes[block[0, minutes] == 0]] = np.nan
    return block


def hour_of(stored: object) -> Block:
    """Return a stored hour. An hour of the wrong size, damaged by the disk, is unknown."""
    if not isinstance(stored, bytes) or len(stored) != 3 * MINUTES * 4:
        return np.full((3, MINUTES), np.nan, np.float32)
    return np.frombuffer(stored, "<f4").reshape(3, MINUTES)


def joined(hours: Iterable[tuple[int, bytes]], first_minute: int, end_minute: int) -> DemandSeries:
    """Return the hours as one series over [first_minute, end_minute); minutes that are not stored are unknown."""
    first, end = first_minute // MINUTES, -(-end_minute // MINUTES)
    rows = np.full((end - first, 3, MINUTES), np.nan, np.float32)
    for hour, stored in hours:
        rows[hour - first] = hour_of(stored)
    peak, busy, invocations = rows.swapaxes(0, 1).reshape(3, -1)[:, first_minute - first * MINUTES : end_minute - first * MINUTES]
    return DemandSeries(first_minute, peak, busy, invocations)


def dump_state(state: PoolState) -> str:
    """Return the state as JSON without the intent, which has its own column."""
    body = {name: getattr(state, name) for name in STATE_FIELDS if name != "intent"}
    for name in INSTANTS:
        body[name] = None if body[name] is None else micros(body[name])
    for name in TIMED:
        body[name] = [(micros(at), units) for at, units in body[name]]
    return json.dumps(body, separators=(",", ":"), sort_keys=True)


def load_state(text: str, intent: int | None) -> PoolState:
    """Return the stored state. Unknown fields are dropped, missing fields get their defaults."""
    body = {name: value for name, value in json.loads(text).items() if name in STATE_FIELDS}
    for name in INSTANTS:
        if body.get(name) is not None:
            body[name] = instant(body[name])
    for name in TIMED:
        body[name] = tuple((instant(at), units) for at, units in body.get(name, ()))
    return PoolState(**body, intent=intent)


def dump_plan(plan: Plan) -> str:
    """Return the plan as JSON. Secrets in provider messages are redacted before the plan is made."""
    return json.dumps(plan_body(plan), separators=(",", ":"))


def dump_inputs(inputs: Mapping[str, Any]) -> str:
    """Return the inputs of a plan as JSON without secrets: the replayable record of the `decision`, else the inputs as given; and
    the rationale under `weighed`.
    """
    decision = inputs.get("decision")
    if not isinstance(decision, PlannedDecision):
        return json.dumps(redact(inputs), separators=(",", ":"))
    body = inputs_body(decision)
    if "weighed" in inputs:
        body["weighed"] = inputs["weighed"]
    return json.dumps(body, separators=(",", ":"))


def summed(total: dict[str, float], more: Mapping[str, float]) -> dict[str, float]:
    """Return the sum of both for each name."""
    return {name: total.get(name, 0.0) + more.get(name, 0.0) for name in {**total, **more}}
