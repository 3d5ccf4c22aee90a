"""Series of Cloud Run in Cloud Monitoring: raw series by revision, one point per minute, their alignment and reduction."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from adapters.sandbox.gcp.world import HostedService, PublishedSeries, RunSandbox
from adapters.sandbox.traffic.metrics import Values
from adapters.sandbox.traffic.publishing import visibility

PREFIX = "run.googleapis.com/"
DELTA, GAUGE = "DELTA", "GAUGE"
INT64, DOUBLE, DISTRIBUTION = "INT64", "DOUBLE", "DISTRIBUTION"
METRICS = {
    "request_count": (DELTA, INT64),
    "request_latencies": (DELTA, DISTRIBUTION),
    "container/instance_count": (GAUGE, INT64),
    "container/startup_latencies": (DELTA, DISTRIBUTION),
    "pending_queue/pending_requests": (GAUGE, INT64),
}
PUBLISHED_AFTER = 90
"""Seconds from the end of a minute until points of metrics that are not Cloud Run's are visible."""

ADDITIVE = ("ALIGN_SUM", "ALIGN_DELTA", "ALIGN_RATE")
FOLDS: dict[str, Callable[..., Values]] = {"SUM": np.nansum, "MAX": np.nanmax, "MIN": np.nanmin, "MEAN": np.nanmean}


@dataclass(frozen=True, slots=True)
class Series:
    """Points by period, oldest first; NaN: no point. `means`: mean values of a distribution, whose `values` are counts. Labels
    have the prefixes of filters (`resource.labels.service_name`).
    """

    labels: tuple[tuple[str, str], ...]
    kind: str
    value_type: str
    values: Values
    means: Values | None = None

    def label(self, name: str) -> str:
        """Return the value of a label; empty without one."""
        return dict(self.labels).get(name, "")


class Window(NamedTuple):
    """Minutes `first <= minute < end`, whose points end within the requested interval."""

    first: int
    end: int


class InvalidQuery(Exception):
    """Query that Cloud Monitoring rejects with INVALID_ARGUMENT."""


def published(world: RunSandbox, of: PublishedSeries, window: Window) -> Series:
    """Return the published points of a metric that is not Cloud Run's, which are one number a minute already."""
    minutes = np.arange(*window)
    values, at = np.full(len(minutes), np.nan), minutes - of.first
    within = (at >= 0) & (at < len(of.values)) & ~world.faults.hidden("", of.name, *window)
    within &= (minutes + 1) * 60 + PUBLISHED_AFTER + world.faults.late_seconds <= world.clock.now().timestamp()
    values[within] = of.values[at[within]]
    return Series((), GAUGE, DOUBLE, values)


def raw_series(world: RunSandbox, hosted: HostedService, metric: str, window: Window) -> Iterator[Series]:
    """Yield the series of a metric of one service, with the points that are published."""
    kind, value_type = METRICS[metric]
    published = _visible(world, hosted, window) & ~world.faults.hidden(metric, hosted.service.short, *window)

    def column(name: str) -> Values:
        return np.where(published, hosted.driver.table.window(name, *window), np.nan)

    means = None
    if metric == "request_latencies":
        counts = column("invocations")
        means = column("busy") * 60_000 / np.where(counts > 0, counts, np.nan)
    elif metric == "container/startup_latencies":
        counts = column("started")
        means = np.where(np.isnan(counts), np.nan, float(hosted.driver.startup))
    elif metric == "container/instance_count":
        for revision in sorted(hosted.driver.revisions):
            for state in ("active", "idle"):
                values = column(f"{state} {revision}")
                if not np.isnan(values).all():
                    yield Series((*_resource(hosted, revision), ("metric.labels.state", state)), kind, value_type, values)
        return
    else:
        counts = column("invocations" if metric == "request_count" else "pending")
    success = (("metric.labels.response_code", "200"), ("metric.labels.response_code_class", "2xx"))
    yield from _by_revision(hosted, success if metric.startswith("request") else (), kind, value_type, counts, means)


def _by_revision(hosted: HostedService, labels: tuple[tuple[str, str], ...], kind: str, value_type: str, values: Values,
                 means: Values | None) -> Iterator[Series]:
    """Yield the series divided among the revisions by share of traffic, rounded down; the first one gets the remainder."""
    shares = hosted.service.shares
    parts = [np.floor(values * percent / 100) for _, percent in shares]
    parts[0] = values - sum(parts[1:], np.zeros(len(values)))
    for (revision, _), part in zip(shares, parts, strict=True):
        if np.isnan(part).all():
            continue
        some = np.where(part > 0, part, np.nan) if kind == DELTA else part
        yield Series(_resource(hosted, revision) + labels, kind, value_type, some, means)


def _resource(hosted: HostedService, revision: str) -> tuple[tuple[str, str], ...]:
    return (("resource.labels.project_id", hosted.project), ("resource.labels.location", hosted.location),
            ("resource.labels.service_name", hosted.service.short), ("resource.labels.revision_name", revision),
            ("resource.labels.configuration_name", hosted.service.short))


def _visible(world: RunSandbox, hosted: HostedService, window: Window) -> NDArray[np.bool_]:
    minutes = np.arange(window.first, window.end, dtype=np.int64)
    now = world.now_ms() / 1000 - world.faults.late_seconds
    readable, _ = visibility(world.settings.publishing, hosted.seed, minutes, now)
    return readable


def aligned(series: Series, aligner: str, minutes: int) -> Series:
    """Return the series with one point per period of `minutes`, counted from the end of the window. Raise `InvalidQuery` if the
    aligner does not fit the metric.
    """
    if aligner in ("ALIGN_DELTA", "ALIGN_RATE") and series.kind != DELTA:
        raise InvalidQuery(f"The aligner {aligner} cannot be applied to metrics with kind {series.kind}")
    if series.value_type == DISTRIBUTION and aligner not in ("ALIGN_DELTA", "ALIGN_SUM"):
        raise InvalidQuery(f"The aligner {aligner} cannot be applied to metrics with value type DISTRIBUTION")
    rows = _periods(series.values, minutes)
    some = ~np.isnan(rows).all(axis=1)
    values = np.full(len(rows), np.nan)
    if aligner in ADDITIVE:
        values[some] = np.nansum(rows[some], axis=1)
    elif aligner in ("ALIGN_MAX", "ALIGN_MEAN", "ALIGN_MIN"):
        values[some] = FOLDS[aligner.removeprefix("ALIGN_")](rows[some], axis=1)
    else:
        raise InvalidQuery(f"The aligner {aligner} is not emulated")
    means = None
    if series.means is not None:
        totals = np.nansum(rows * _periods(series.means, minutes), axis=1)
        means = np.where(some, totals / np.where(some, values, 1.0), np.nan)
    result = replace(series, values=values, means=means)
    if aligner in ("ALIGN_DELTA", "ALIGN_RATE"):
        result = _interpolated(result)
    if aligner == "ALIGN_RATE":
        result = replace(result, kind=GAUGE, value_type=DOUBLE, values=result.values / (60 * minutes))
    return result


def reduced(parts: Iterable[Series], reducer: str, group_by: tuple[str, ...]) -> list[Series]:
    """Return one series for each combination of the labels `group_by`."""
    groups: dict[tuple[tuple[str, str], ...], list[Series]] = {}
    for part in parts:
        groups.setdefault(tuple((name, part.label(name)) for name in group_by), []).append(part)
    return [_together(labels, members, reducer) for labels, members in groups.items()]


def _together(labels: tuple[tuple[str, str], ...], members: list[Series], reducer: str) -> Series:
    rows, means = np.stack([member.values for member in members]), None
    some = ~np.isnan(rows).all(axis=0)
    values = np.full(rows.shape[1], np.nan)
    first = members[0]
    if first.value_type == DISTRIBUTION and reducer != "REDUCE_SUM":
        raise InvalidQuery(f"The reducer {reducer} is not emulated for distributions")
    if reducer.removeprefix("REDUCE_") not in FOLDS:
        raise InvalidQuery(f"The reducer {reducer} is not emulated")
    values[some] = FOLDS[reducer.removeprefix("REDUCE_")](rows[:, some], axis=0)
    if first.means is not None:
        totals = np.nansum(rows * np.stack([member.means for member in members if member.means is not None]), axis=0)
        means = np.where(some, totals / np.where(some, values, 1.0), np.nan)
    return Series(labels, first.kind, first.value_type, values, means)


def _periods(values: Values, minutes: int) -> Values:
    """Return `values` as rows of `minutes`; the first row is padded with NaN at its start."""
    missing = -len(values) % minutes
    return np.concatenate((np.full(missing, np.nan), values)).reshape(-1, minutes)


def _interpolated(series: Series) -> Series:
    """Return the series with interpolated values in periods without data between two with data, as documented for ALIGN_DELTA."""
    known = np.flatnonzero(~np.isnan(series.values))
    if len(known) < 2:
        return series
    at = np.arange(len(series.values))
    inside = (at >= known[0]) & (at <= known[-1])
    values = np.where(inside, np.interp(at, known, series.values[known]), np.nan)
    means = None if series.means is None else np.where(inside, np.interp(at, known, series.means[known]), np.nan)
    return replace(series, values=values, means=means)
