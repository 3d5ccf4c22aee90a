"""What reports by OpenTelemetry and StatsD cost the daemon: `python -m benchmarks.push_protocols`. CPU time of 10,000 pools.

A body of OTLP is decoded in a thread; recording it lets other tasks run in between. Each figure is the minimum of 5 runs.
"""

import asyncio
import time
from types import SimpleNamespace

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from adapters.push.demand_source import PushDemand
from adapters.push.settings import PushSettings
from adapters.runtime.clock import SystemClock
from adapters.statsd.gauges import Gauges
from adapters.statsd.lines import samples
from controller.fleet.reports import Reports
from controller.http.handlers.otlp import recorded_points, recorded_spans
from controller.http.otlp.decoding import read_metrics, read_spans

POOLS, SENDERS, STREAMS, SPANS, LINES, RUNS = 10_000, 1000, 4, 5000, 50_000, 5
SECOND = 10**9


def resource_of(message, sender):
    """Fill the resource of a sender."""
    for key, value in (("service.name", f"pool-{sender % POOLS}"), ("service.instance.id", f"{sender}")):
        message.resource.attributes.add(key=key).value.string_value = value


def metrics(at):
    """Return a body with the metrics of many senders at `at`, in nanoseconds."""
    request = ExportMetricsServiceRequest()
    for sender in range(SENDERS):
        resource = request.resource_metrics.add()
        resource_of(resource, sender)
        metric = resource.scope_metrics.add().metrics.add(name="http.server.active_requests")
        metric.sum.aggregation_temporality = 2
        for stream in range(STREAMS):
            point = metric.sum.data_points.add(start_time_unix_nano=1, time_unix_nano=at, as_int=3)
            point.attributes.add(key="http.request.method").value.string_value = f"{stream}"
    return request.SerializeToString()


def spans(at):
    """Return a body with the spans of one sender, each of its own trace, that end before `at`."""
    request = ExportTraceServiceRequest()
    resource = request.resource_spans.add()
    resource_of(resource, 1)
    scope = resource.scope_spans.add()
    for number in range(SPANS):
        end = at - number * 10**6
        span = scope.spans.add(trace_id=(at + number).to_bytes(16, "big"), start_time_unix_nano=end - 30 * SECOND,
                               end_time_unix_nano=end)
        span.attributes.add(key="gen_ai.operation.name").value.string_value = "chat"
    return request.SerializeToString()


def reports():
    """Return what records reports of `POOLS` pools."""
    names = [f"pool-{number}" for number in range(POOLS)]
    source = PushDemand(dict.fromkeys(names, PushSettings(kind="push")), SystemClock())
    return Reports(SimpleNamespace(region_of=dict.fromkeys(names, SimpleNamespace(reports=source))),
                   SimpleNamespace(rose=lambda name: None))


def timed(body_at, read, record):
    """Return size of a body in KiB, and the milliseconds of decoding and of recording it."""
    found = []
    for run in range(RUNS):
        body, to = body_at(time.time_ns() + run * 60 * SECOND), reports()
        began = time.process_time()
        exports = read(body, as_json=False)
        decoded = time.process_time()
        asyncio.run(record(to, exports))
        found.append((decoded - began, time.process_time() - decoded))
    return len(body) >> 10, *(1000 * min(each) for each in zip(*found, strict=True))


def main() -> None:
    """Print the figures."""
    for title, body_at, read, record in (
            (f"metrics of {SENDERS} senders, {STREAMS} streams each", metrics, read_metrics, recorded_points),
            (f"{SPANS} spans of one sender", spans, read_spans, recorded_spans)):
        size, decoding, recording = timed(body_at, read, record)
        print(f"{title}: {size} KiB, decoded in {decoding:.0f} ms, recorded in {recording:.0f} ms")
    gauges, began = Gauges(0), time.process_time()
    for number in range(LINES):
        for sample in samples(b"stoker.in_flight:%d|g|#pool:pool-1,sender:web-1" % (number % 9)):
            gauges.apply(sample, sample.sender)
    print(f"StatsD: {(time.process_time() - began) / LINES * 1e6:.1f} µs a line")


if __name__ == "__main__":
    main()
