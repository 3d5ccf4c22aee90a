import asyncio
import sys

import pytest
import structlog
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from adapters.ports.errors import Throttled
from controller.telemetry.tracing import LONGEST, NOTHING, Tracing, span, tick, tracing_of

ENDPOINT = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"}


@pytest.fixture
def traced():
    exporter, provider = InMemorySpanExporter(), TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    return Tracing(provider), exporter


def test_nothing_is_traced_unless_somebody_asks():
    assert span("write", pool="a") is NOTHING
    with tick(None), span("write") as mark:
        mark.set(failing=3)


@pytest.mark.parametrize("environment", [
    {}, {"OTEL_SERVICE_NAME": "x"}, ENDPOINT | {"OTEL_SDK_DISABLED": "true"}, ENDPOINT | {"OTEL_TRACES_EXPORTER": "none"},
    ENDPOINT | {"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, {"OTEL_TRACES_EXPORTER": "zipkin"},
])
def test_the_environment_says_whether(environment):
    assert tracing_of(environment) is None


@pytest.mark.parametrize("environment", [ENDPOINT, {"OTEL_TRACES_EXPORTER": "otlp"},
                                         {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://127.0.0.1:9/v1/traces"}])
async def test_traces_are_made_where_it_says_so(environment):
    tracing = tracing_of(environment)

    assert isinstance(tracing, Tracing)
    await tracing.close()


@pytest.mark.parametrize(("environment", "words"), [
    ({"OTEL_EXPORTER_OTLP_ENDPOINT": "127.0.0.1:4318"}, "OTEL_EXPORTER_OTLP_ENDPOINT has no scheme"),
    ({"OTEL_EXPORTER_OTLP_ENDPOINT": "collector"}, "OTEL_EXPORTER_OTLP_ENDPOINT has no scheme"),
    ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://"}, "OTEL_EXPORTER_OTLP_ENDPOINT has no host"),
    (ENDPOINT | {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "grpc://c:4317"}, "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT has a scheme"),
    (ENDPOINT | {"OTEL_EXPORTER_OTLP_CERTIFICATE": "/nowhere.pem"}, "OTEL_EXPORTER_OTLP_CERTIFICATE names /nowhere.pem"),
    (ENDPOINT | {"OTEL_EXPORTER_OTLP_TRACES_CLIENT_KEY": "/nowhere.key"}, "OTEL_EXPORTER_OTLP_TRACES_CLIENT_KEY names"),
])
def test_a_variable_that_is_wrong_is_named_at_the_start(environment, words):
    with structlog.testing.capture_logs() as lines:
        assert tracing_of(environment) is None

    assert [line["event"] for line in lines] == ["traces-unsupported"]
    assert words in lines[0]["text"]


def test_without_the_library_the_daemon_goes_on_and_says_what_to_install(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)

    assert tracing_of(ENDPOINT) is None
    assert "the extra otel" in capsys.readouterr().out


async def test_tasks_that_a_tick_begins_are_below_it(traced):
    tracing, exporter = traced

    async def step():
        with span("step", pool="a"), span("write", target=3):
            await asyncio.sleep(0)

    with tick(tracing, pools=1):
        task = asyncio.create_task(step())
    await task

    spans = {each.name: each for each in exporter.get_finished_spans()}
    assert spans["write"].parent.span_id == spans["step"].context.span_id
    assert spans["step"].parent.span_id == spans["tick"].context.span_id
    assert dict(spans["write"].attributes) == {"stoker.target": 3}
    assert span("after") is NOTHING


def test_an_error_is_told_by_its_code_and_never_by_its_message(traced):
    tracing, exporter = traced
    with pytest.raises(Throttled), tick(tracing), span("write", pool="p" * 500):
        raise Throttled("hunter2")

    write = exporter.get_finished_spans()[0]
    assert (write.status.status_code, write.status.description, write.attributes["stoker.error"]) == (
        StatusCode.ERROR, "throttled", "throttled")
    assert write.events == ()
    assert len(write.attributes["stoker.pool"]) == LONGEST
