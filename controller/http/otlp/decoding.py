"""Exports of OpenTelemetry as points and spans. Needs the extra `otel`; pure otherwise, so that it can run in a thread.

Of all metrics, the one of requests in flight counts; of all spans, those of generative AI.
"""

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from google.protobuf import json_format
from google.protobuf.message import DecodeError, Message
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest, ExportTraceServiceResponse
from opentelemetry.proto.metrics.v1.metrics_pb2 import AggregationTemporality, DataPointFlags

from adapters.ports.reports import Point, Span, sender_name

IN_FLIGHT = "http.server.active_requests"
GENERATIVE = "gen_ai."
INSTANCE = ("service.instance.id", "k8s.pod.uid", "container.id")
"""Attributes of a resource, each of which identifies a process."""

SECOND = 1e9
RESPONSES = {"metrics": ExportMetricsServiceResponse, "traces": ExportTraceServiceResponse}

Labels = dict[str, str]
Request = TypeVar("Request", bound=Message)


class Unreadable(Exception):
    """A body that is not what its content type says."""


@dataclass(slots=True)
class Exported:
    """Points or spans of one resource, each with all its attributes, those of the resource included.

    `sender`: its name; empty where the resource does not identify the process. `wrong`: the attributes of points or spans that
    cannot be used, and `why` one of them cannot. `newest`: end of the newest span of any kind, in seconds since the epoch.
    """

    labels: Labels
    sender: str
    points: list[tuple[Labels, Point]] = field(default_factory=list)
    spans: list[tuple[Labels, Span]] = field(default_factory=list)
    wrong: list[Labels] = field(default_factory=list)
    why: str = ""
    newest: float = 0.0

    def refuse(self, labels: Labels, why: str) -> None:
        """Record a point or span that cannot be used. `labels`: its own attributes."""
        self.wrong.append(self.labels | labels)
        self.why = why


def read_metrics(body: bytes, as_json: bool) -> list[Exported]:
    """Return the points of requests in flight of each resource. Raise `Unreadable`."""
    found = []
    for resource in parsed(ExportMetricsServiceRequest(), body, as_json).resource_metrics:
        found.append(exported := exported_of(resource.resource))
        for scope in resource.scope_metrics:
            for metric in scope.metrics:
                if metric.name == IN_FLIGHT:
                    add_points(exported, scope.scope.name, metric)
    return found


def add_points(exported: Exported, scope: str, metric: Any) -> None:  # noqa: ANN401  (generated class)
    """Add the points of one metric."""
    kind = metric.WhichOneof("data")
    if kind not in ("sum", "gauge") or (kind == "sum" and metric.sum.is_monotonic):
        for each in getattr(metric, kind).data_points if kind else ():
            exported.refuse(labels_of(each.attributes), f"{IN_FLIGHT} must be an UpDownCounter or a gauge")
        return
    data = getattr(metric, kind)
    delta = kind == "sum" and data.aggregation_temporality == AggregationTemporality.AGGREGATION_TEMPORALITY_DELTA
    for each in data.data_points:
        own = labels_of(each.attributes)
        ended = bool(each.flags & DataPointFlags.DATA_POINT_FLAGS_NO_RECORDED_VALUE_MASK)
        value = float(each.as_int) if each.HasField("as_int") else each.as_double
        if not each.time_unix_nano or not math.isfinite(value):
            exported.refuse(own, f"a point of {IN_FLIGHT} has no time, or a value that is not a number")
        elif not exported.sender and (delta or not each.start_time_unix_nano):
            exported.refuse(own, "a gauge, and a delta, needs the resource attribute service.instance.id")
        else:
            stream = json.dumps([scope, *sorted(own.items())])
            point = Point(stream, 0.0 if ended else value, each.start_time_unix_nano, each.time_unix_nano, delta, ended)
            exported.points.append((exported.labels | own, point))


def read_spans(body: bytes, as_json: bool) -> list[Exported]:
    """Return the spans of generative AI of each resource. Raise `Unreadable`."""
    found = []
    for resource in parsed(ExportTraceServiceRequest(), body, as_json).resource_spans:
        found.append(exported := exported_of(resource.resource))
        for each in (span for scope in resource.scope_spans for span in scope.spans):
            exported.newest = max(exported.newest, each.end_time_unix_nano / SECOND)
            if not any(pair.key.startswith(GENERATIVE) for pair in each.attributes):
                continue
            if not 0 < each.start_time_unix_nano <= each.end_time_unix_nano or not each.trace_id:
                exported.refuse(labels_of(each.attributes), "a span has no trace, or ends before it starts")
                continue
            span = Span(each.trace_id, each.start_time_unix_nano / SECOND, each.end_time_unix_nano / SECOND)
            exported.spans.append((exported.labels | labels_of(each.attributes), span))
    return found


def exported_of(resource: Any) -> Exported:  # noqa: ANN401
    """Return the empty export of a resource."""
    labels = labels_of(resource.attributes)
    name = next((labels[key] for key in INSTANCE if labels.get(key)), "")
    if not name and "host.name" in labels and "process.pid" in labels:
        name = f"{labels['host.name']}:{labels['process.pid']}"
    return Exported(labels, sender_name(name))


def labels_of(attributes: Iterable[Any]) -> Labels:
    """Return attributes with the values that are text, a whole number or a truth value as text."""
    found = {}
    for pair in attributes:
        kind = pair.value.WhichOneof("value")
        if kind in ("string_value", "int_value", "bool_value"):
            value = getattr(pair.value, kind)
            found[pair.key] = str(value).lower() if kind == "bool_value" else str(value)
    return found


def parsed(request: Request, body: bytes, as_json: bool) -> Request:
    """Return `request` filled from a body. Raise `Unreadable`.

    Trace IDs are hexadecimal in JSON, and read as base64 here: other bytes, but still one ID for each trace.
    """
    try:
        if as_json:
            if not body.lstrip().startswith(b"{"):
                raise ValueError("no object")  # the parser accepts an empty list
            json_format.Parse(body, request, ignore_unknown_fields=True)
        else:
            request.ParseFromString(body)
    except (DecodeError, json_format.ParseError, ValueError, RecursionError):
        raise Unreadable(f"the body is not an {type(request).__name__} in {'JSON' if as_json else 'protobuf'}") from None
    return request


def response_of(signal: str, rejected: int, text: str, as_json: bool) -> bytes:
    """Return the response to an export: empty, or partial success with the number of rejected points or spans."""
    answer: Any = RESPONSES[signal]()
    if text:
        count = {"metrics": "rejected_data_points", "traces": "rejected_spans"}[signal]
        setattr(answer.partial_success, count, rejected)
        answer.partial_success.error_message = text
    return json_format.MessageToJson(answer, indent=None).encode() if as_json else bytes(answer.SerializeToString())


def by_sender(exported: Exported, points: Iterable[Point]) -> Mapping[str, list[Point]]:
    """Return points by sender. A resource without an identity is identified by the time at which it started to count."""
    found: dict[str, list[Point]] = {}
    for point in points:
        found.setdefault(exported.sender or f"started-{point.start}", []).append(point)
    return found
