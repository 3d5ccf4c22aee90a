"""Demand from any metrics of CloudWatch: which are read, and the rows that follow from them. Arrays only, no I/O."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

from adapters.aws.cloudwatch.metric_math import computed
from adapters.aws.cloudwatch.metric_queries import Metric
from adapters.aws.expressions import Tree, parsed
from adapters.aws.metric_settings import CloudWatchAlbSettings, CloudWatchMetricSettings, MetricSettings
from adapters.pinging.own_traffic import Own
from adapters.ports.estimated_peaks import estimated
from adapters.ports.minute_rows import UNSETTLED, Mask, Minutes
from forecasting.demand import DemandSeries

ALB = "AWS/ApplicationELB"
REQUESTS, SECONDS, HEALTHY = (Metric("RequestCount", "Sum", ALB), Metric("TargetResponseTime", "Average", ALB),
                              Metric("HealthyHostCount", "SampleCount", ALB))
MEASURES, ALONE = ("peak", "busy", "requests"), ""
LEAD_MINUTES = 15
"""Minutes before a window whose requests may run into it."""


class Series(NamedTuple):
    """A metric with its dimensions."""

    metric: Metric
    dimensions: tuple[tuple[str, str], ...]


class Rows(NamedTuple):
    """Demand, and which of its rows have no point. `seconds`: mean duration of a request; None where it is unknown."""

    series: DemandSeries
    absent: Mask
    seconds: float | None = None


def series_of(settings: CloudWatchMetricSettings | CloudWatchAlbSettings) -> dict[str, Series]:
    """Return what must be read for a pool, by role: `proof` and `requests`, and either `peak` and `busy` or `seconds`.

    The metrics of an expression have the role and their name in it, such as `peak.running`.
    """
    if isinstance(settings, CloudWatchMetricSettings):
        found = {f"{role}.{name}".rstrip("."): _series(metric) for role, measure in settings.measures.items()
                 for name, metric in measure.inputs.items()}
        return found if settings.proof is None else found | {"proof": _series(settings.proof)}
    dimensions = {"LoadBalancer": settings.load_balancer}
    if settings.target_group is None:
        of_all = tuple(dimensions.items())
        return {"requests": Series(REQUESTS, of_all), "seconds": Series(SECONDS, of_all)}
    of_group = tuple(({"TargetGroup": settings.target_group} | dimensions).items())
    return {"requests": Series(REQUESTS, of_group), "seconds": Series(SECONDS, of_group), "proof": Series(HEALTHY, of_group)}


def trees_of(settings: CloudWatchMetricSettings | CloudWatchAlbSettings) -> dict[str, Tree]:
    """Return the expressions of a pool by role."""
    if isinstance(settings, CloudWatchAlbSettings):
        return {}
    return {role: parsed(measure.expression, measure.inputs) for role, measure in settings.measures.items() if measure.expression}


def rows_of(first: int, columns: Mapping[str, Minutes], own: Own | None = None,
            trees: Mapping[str, Tree] = MappingProxyType({})) -> Rows:
    """Return the demand of `columns` (see `series_of`; value by minute, NaN without a point) from minute `first` on.

    An absent point is zero in a minute in which `proof` has a point, except for the newest `UNSETTLED` minutes, whose points may
    not all be published; without `proof` it is unknown. `own`: own pings that pass the load balancer. `trees`: expressions by
    role. A minute in which one of the metrics of the peak has no point is one without a point.
    """
    anything = next(iter(columns.values()))
    proved = np.zeros(len(anything), bool)
    if "proof" in columns:
        proved[:-UNSETTLED] = ~np.isnan(columns["proof"])[:-UNSETTLED]
    if "seconds" in columns:
        return _estimated(first, columns["requests"], columns["seconds"], proved, own)
    values = {role: computed(trees.get(role, ALONE), inputs, proved) for role in MEASURES if (inputs := inputs_of(role, columns))}
    absent = np.zeros(len(anything), bool)
    for column in inputs_of("peak", columns).values():
        absent |= np.isnan(column)
    peak = values["peak"]
    busy, requests = np.fmin(values.get("busy", peak), peak), values.get("requests", np.full(len(peak), np.nan))
    return Rows(_demand(first, np.isfinite(peak), np.ceil(peak), busy, np.where(np.isinf(requests), np.nan, requests)), absent)


def inputs_of(role: str, columns: Mapping[str, Minutes]) -> dict[str, Minutes]:
    """Return the columns of a role by name in its expression; a metric alone has the name `ALONE`."""
    found = ((key.partition("."), column) for key, column in columns.items())
    return {name: column for (of, _, name), column in found if of == role}


def _estimated(first: int, counts: Minutes, seconds: Minutes, proved: Mask, own: Own | None) -> Rows:
    """Return demand of requests and their mean duration; see `adapters.ports.estimated_peaks`."""
    absent = np.isnan(counts)
    known = ~absent | proved
    requests = np.where(absent, 0.0, counts)
    if own is not None:
        users = np.maximum(requests - own.pings, 0.0)
        total = np.maximum(requests * seconds - own.seconds, 0.0)
        seconds = np.where(own.pings > 0, np.divide(total, users, out=np.full(len(users), np.nan), where=users > 0), seconds)
        requests = users
    busy, peak = estimated(requests, seconds)
    known &= ~np.isnan(peak)
    weights = np.where(np.isnan(seconds), 0.0, requests)
    mean = float(np.average(np.nan_to_num(seconds), weights=weights)) if weights.sum() > 0 else None
    return Rows(_demand(first, known, peak, busy, requests), absent, mean)


def _demand(first: int, known: Mask, *columns: Minutes) -> DemandSeries:
    return DemandSeries(first, *(np.where(known, column, np.nan).astype(np.float32) for column in columns))


def _series(settings: MetricSettings) -> Series:
    return Series(Metric(settings.metric, settings.statistic, settings.namespace), tuple(settings.dimensions.items()))
