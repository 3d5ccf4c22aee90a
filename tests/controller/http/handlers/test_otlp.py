"""Exports of OpenTelemetry over real HTTP: the SDK's own exporters, and requests by hand for what they never send."""

import asyncio
import gzip
import json
import sys
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from google.protobuf import json_format
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.trace import set_span_in_context

from adapters.push import demand_source
from adapters.push.demand_source import PushDemand
from adapters.push.settings import PushSettings
from adapters.runtime.clock import ManualClock
from controller.fleet import nudges
from controller.http.handlers import otlp
from tests.builders import NOON, PUSHED
from tests.fakes import steady
from tests.services import TOKEN, serving

PROTOBUF = "application/x-protobuf"
SECOND = timedelta(seconds=1)
MATCHED = PushSettings(kind="push", match={"service.name": "shop", "gen_ai.agent.name": "support"})


@asynccontextmanager
async def pushed(folder, settings=None, **changes):
    clock = ManualClock(NOON - timedelta(minutes=10))
    source = PushDemand(settings or dict.fromkeys("ab", PUSHED), clock)
    async with serving(folder, clock, source=source, traffic={"a": steady(0), "b": steady(0)}, **changes) as here:
        yield here, source


def body(value=3, *, service="a", instance="web-1", at=0, kind="sum", **more):
    """An export in JSON of one point of a sender's time `at`. `more`: keys of the point."""
    attributes = [{"key": "service.name", "value": {"stringValue": service}}]
    attributes += [{"key": "service.instance.id", "value": {"stringValue": instance}}] if instance else []
    point = {"startTimeUnixNano": "1", "timeUnixNano": str(1_772_452_800_000_000_000 + at * 10**9), "asInt": str(value)} | more
    data = {"dataPoints": [point]} | ({"aggregationTemporality": 2} if kind == "sum" else {})
    metrics = [{"name": "http.server.active_requests", kind: data}]
    return {"resourceMetrics": [{"resource": {"attributes": attributes}, "scopeMetrics": [{"metrics": metrics}]}]}


async def post(here, sent, path="/v1/metrics", token=TOKEN, kind="application/json", **headers):
    """Status, body and headers of an export in JSON, or of other bytes of a `kind`."""
    data = sent if isinstance(sent, bytes) else json.dumps(sent).encode()
    given = {"Content-Type": kind} | ({"Authorization": f"Bearer {token}"} if token else {}) | headers
    answered = await here.get(path, "POST", data=data, headers=given)
    await here.steps()
    return answered


def protobuf(sent):
    return json_format.ParseDict(sent, ExportMetricsServiceRequest(), ignore_unknown_fields=True).SerializeToString()


async def test_the_exporter_of_the_sdk_reports_a_rise_which_is_planned_before_the_next_tick(tmp_path, monkeypatch):
    async with pushed(tmp_path) as (here, source):
        monkeypatch.setattr("opentelemetry.sdk.metrics._internal.metric_reader_storage.time_ns",
                            lambda: int(here.clock.now().timestamp() * 1e9))
        exporter = OTLPMetricExporter(f"{here.service.url}/v1/metrics", headers={"Authorization": f"Bearer {TOKEN}"},
                                      compression=Compression.Gzip)
        meters = MeterProvider([PeriodicExportingMetricReader(exporter, 3_600_000)], Resource.create({"service.name": "a"}))
        active = meters.get_meter("web").create_up_down_counter("http.server.active_requests")
        active.add(2, {"http.request.method": "GET"})
        for _ in range(8):
            assert await asyncio.to_thread(meters.force_flush)
            await here.clock.advance(60 * SECOND)
            await here.service.runtime.tick.run()
        assert here.levers["a"].writes == [2]
        active.add(3, {"http.request.method": "GET"})
        active.add(4, {"http.request.method": "POST"})
        await asyncio.to_thread(meters.force_flush)
        await here.clock.advance(nudges.EVERY_SECONDS * SECOND)
        await here.steps()
        writes = list(here.levers["a"].writes)
        active.add(-7, {"http.request.method": "GET"})
        await asyncio.to_thread(meters.shutdown)

    assert (writes, source.in_flight("a"), source.in_flight("b")) == ([2, 9], 9, 0)


async def test_spans_of_the_sdk_are_demand_of_the_minutes_that_they_covered(tmp_path):
    async with pushed(tmp_path, {"a": MATCHED, "b": PUSHED}) as (here, source):
        exporter = OTLPSpanExporter(f"{here.service.url}/v1/traces", headers={"Authorization": f"Bearer {TOKEN}"})
        tracers = TracerProvider(resource=Resource.create({"service.name": "shop"}))
        tracers.add_span_processor(SimpleSpanProcessor(exporter))
        tracer = tracers.get_tracer("agent")
        now = 1_800_000_000_000_000_000
        for minute in range(10):
            await here.clock.advance(60 * SECOND)
            end = now + minute * 60 * 10**9
            start, about = end - 90 * 10**9, {"gen_ai.operation.name": "chat", "gen_ai.agent.name": "support"}
            agent = tracer.start_span("invoke_agent", start_time=start, attributes=about)
            model = tracer.start_span("chat", set_span_in_context(agent), start_time=start, attributes=about)
            for span in (model, agent):
                await asyncio.to_thread(span.end, end)
        await asyncio.to_thread(tracer.start_span("GET").end)
        now = here.clock.now()
        answer = source.reported("a", now - timedelta(minutes=15), now)
        await asyncio.to_thread(tracers.shutdown)

    assert (source.in_flight("a"), answer.error, source._exports.spans_of("b")) == (0, None, None)
    known = answer.series.known
    assert known.sum() == 5
    assert answer.series.peak[known].tolist() == [2] * 5
    assert answer.series.busy[known].tolist() == [1.5] * 5
    assert answer.series.end_minute == int(now.timestamp() // 60) - 2, "the minutes wait for spans that have not ended"


@pytest.mark.parametrize("encoded", [False, True])
async def test_json_and_protobuf_are_answered_in_kind(tmp_path, encoded):
    async with pushed(tmp_path) as (here, source):
        sent = body(4)
        if encoded:
            answered = await post(here, gzip.compress(protobuf(sent)), kind=PROTOBUF, **{"Content-Encoding": "gzip"})
        else:
            answered = await post(here, sent)
        status, reply, headers = answered

    assert (status, source.in_flight("a")) == (200, 4)
    assert (headers["Content-Type"], reply) == ((PROTOBUF, b"") if encoded else ("application/json", b"{}"))


async def test_a_repeat_and_an_older_export_change_nothing(tmp_path):
    async with pushed(tmp_path) as (here, source):
        for value, at in ((4, 60), (4, 60), (9, 0)):
            assert (await post(here, body(value, at=at)))[:2] == (200, b"{}")

        assert source.in_flight("a") == 4


async def test_two_processes_without_an_identity_add_up(tmp_path):
    async with pushed(tmp_path) as (here, source):
        for start in ("1", "2"):
            await post(here, body(3, instance="", startTimeUnixNano=start))

        assert source.in_flight("a") == 6


@pytest.mark.parametrize(("sent", "rejected", "text"), [
    (body(-3), "1", "a: -3 requests in flight: a number from 0 to"),
    (body(asDouble="NaN", asInt=None), "1", "a value that is not a number"),
    (body(timeUnixNano="0"), "1", "has no time"),
    (body(service="other"), None, "no pool of the policy has the attributes of service.name='other'"),
    (body(kind="gauge", instance="", startTimeUnixNano="0"), "1", "needs the resource attribute service.instance.id"),
    (body(kind="summary"), "1", "must be an UpDownCounter or a gauge"),
])
async def test_what_cannot_be_used_is_a_partial_success_with_the_remedy(tmp_path, sent, rejected, text):
    async with pushed(tmp_path) as (here, source):
        status, reply, _ = await post(here, sent)
        told = json.loads(reply)["partialSuccess"]
        again = ExportMetricsServiceResponse.FromString((await post(here, protobuf(sent), kind=PROTOBUF))[1])

    assert (status, told.get("rejectedDataPoints"), source.in_flight("a")) == (200, rejected, 0)
    assert text in told["errorMessage"]
    assert again.partial_success.error_message == told["errorMessage"]


async def test_an_export_that_was_refused_counts_when_it_is_sent_again(tmp_path, monkeypatch):
    async with pushed(tmp_path) as (here, source):
        await post(here, body(2))
        monkeypatch.setattr(demand_source, "MOST_A_SECOND", 0)
        assert (await post(here, body(5, at=60)))[0] == 429
        monkeypatch.undo()
        await here.clock.advance(SECOND)
        await post(here, body(5, at=60))

        assert source.in_flight("a") == 5


async def test_a_body_of_many_senders_lets_other_tasks_run(tmp_path):
    many = {"resourceMetrics": [body(1, instance=f"web-{number}")["resourceMetrics"][0] for number in range(300)]}
    async with pushed(tmp_path) as (here, source):
        turns = 0

        async def count():
            nonlocal turns
            while source.in_flight("a") < 300:
                turns += source.in_flight("a") > 0
                await asyncio.sleep(0)

        counting = asyncio.create_task(count())
        await post(here, many)
        await counting

    assert turns >= 10


async def test_an_impossible_number_makes_the_minute_unknown(tmp_path):
    async with pushed(tmp_path) as (here, source):
        for at in range(0, 420, 20):
            await post(here, body(-1 if at == 260 else 3, at=at))
            await here.clock.advance(20 * SECOND)
        series = source.reported("a", NOON - timedelta(minutes=9), here.clock.now()).series

    assert series.known.tolist() == [True, False, True, True]


@pytest.mark.parametrize(("sent", "more", "status", "text"), [
    (b"\xff\xff", {"kind": PROTOBUF}, 400, b"not an ExportMetricsServiceRequest in protobuf"),
    (b"[" * 10_000, {}, 400, b"in JSON"),
    (b"[]", {}, 400, b"in JSON"),
    (b"{}", {"kind": "text/plain"}, 415, b"send application/x-protobuf or application/json"),
    (b"{}", {"Content-Encoding": "snappy"}, 415, b"send gzip, deflate or none"),
    (b"{}", {"token": None}, 401, b"missing token"),
    (b"{}", {"token": "wrong"}, 401, b"wrong token"),
    (gzip.compress(b" " * (5 << 20)), {"Content-Encoding": "gzip"}, 413, b"the body is larger than 4096 KiB"),
    (b"nonsense", {"Content-Encoding": "gzip"}, 400, b"Content-Encoding"),
])
async def test_errors_have_the_form_of_the_protocol(tmp_path, sent, more, status, text):
    async with pushed(tmp_path) as (here, _):
        answered = await post(here, sent, **more)

    assert answered[0] == status
    assert text in answered[1]
    if more.get("kind") == PROTOBUF:
        assert answered[2]["Content-Type"] == PROTOBUF
        assert answered[1][:3] == bytes([8, 3, 18])


async def test_too_many_exports_are_to_be_sent_again(tmp_path, monkeypatch):
    async with pushed(tmp_path) as (here, _):
        monkeypatch.setattr(otlp, "MOST_AT_ONCE", 0)
        busy = await post(here, body())
        monkeypatch.undo()
        monkeypatch.setattr(demand_source, "MOST_A_SECOND", 0)
        often = await post(here, body())

    assert (busy[0], busy[2]["Retry-After"]) == (503, "1")
    assert (often[0], often[2]["Retry-After"]) == (429, "1")
    assert here.service.runtime.published.exports == 0


async def test_while_history_is_loaded_exports_are_to_be_sent_again(tmp_path):
    async with pushed(tmp_path) as (here, _):
        here.service.runtime.published.components = None
        status, _, headers = await post(here, body())

    assert (status, headers["Retry-After"]) == (503, "5")


async def test_without_the_extra_the_error_names_it(tmp_path, monkeypatch):
    monkeypatch.delitem(sys.modules, "controller.http.otlp.decoding", raising=False)
    monkeypatch.delattr("controller.http.otlp.decoding", raising=False)
    monkeypatch.setitem(sys.modules, "google.protobuf", None)
    async with pushed(tmp_path) as (here, _):
        status, reply, _ = await post(here, body())

    assert status == 501
    assert "install the wheel with the extra otel" in json.loads(reply)["message"]


async def test_a_pool_with_another_source_gets_nothing(tmp_path):
    async with serving(tmp_path) as here:
        status, reply, _ = await post(here, body())

    assert status == 200
    assert "no pool of the policy" in json.loads(reply)["partialSuccess"]["errorMessage"]
