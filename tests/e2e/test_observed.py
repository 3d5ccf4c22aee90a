"""A real daemon against the sandbox, with a real collector of traces and a real scrape."""

import asyncio
import contextlib
import signal
import subprocess
from shutil import which

import aiohttp
import pytest
from aiohttp import web
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest, ExportTraceServiceResponse

from tests.e2e.daemons import daemon, policy_text, sandbox_of, serving
from tests.patience import PATIENCE_SECONDS
from tests.web_servers import served


class Collector:
    """OTLP over HTTP, as far as traces go."""

    def __init__(self):
        self.spans, self.services, self.url, self.hanging = [], set(), "", None

    async def take(self, request):
        if self.hanging is not None:
            await self.hanging.wait()
        assert (request.method, request.path) == ("POST", "/v1/traces")
        assert request.headers["Content-Type"] == "application/x-protobuf"
        message = ExportTraceServiceRequest.FromString(await request.read())
        for resource in message.resource_spans:
            self.services |= {each.value.string_value for each in resource.resource.attributes if each.key == "service.name"}
            self.spans += [span for scope in resource.scope_spans for span in scope.spans]
        return web.Response(body=ExportTraceServiceResponse().SerializeToString(), content_type="application/x-protobuf")

    def named(self, name):
        return [span for span in self.spans if span.name == name]

    def parents(self):
        """Each pair of names, a span's and its parent's, that was seen."""
        by_id = {span.span_id: span.name for span in self.spans}
        return {(span.name, by_id.get(span.parent_span_id, "")) for span in self.spans}


def facts(span):
    return {each.key: next(getattr(each.value, kind) for kind in ("string_value", "int_value", "bool_value")
                           if each.value.HasField(kind)) for each in span.attributes}


@contextlib.asynccontextmanager
async def collecting():
    collector = Collector()
    async with served(collector.take) as collector.url:
        yield collector


async def test_a_tick_is_one_trace_down_to_the_write(tmp_path):
    sandbox, policy = sandbox_of(agent=5), tmp_path / "policy.yaml"
    policy.write_text(policy_text("agent", low=3))
    async with collecting() as collector, serving(sandbox) as url, daemon(
            policy, tmp_path / "state", url, environment={"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url}) as run:
        await run.until(lambda: run.told("decision", action="write"))
        await run.until(lambda: run.told("first-tick"))
        assert await run.end(signal.SIGTERM) == 0

    assert collector.services == {"stoker"}
    assert {("tick", ""), ("collect", "tick"), ("choose", "tick"), ("plan", "tick"), ("step", "plan"), ("write", "step")} \
        <= collector.parents()
    write = collector.named("write")[0]
    assert facts(write).items() >= {"stoker.pool": "agent", "stoker.lever": "lambda-provisioned-concurrency",
                                    "stoker.mode": "active"}.items()
    assert facts(collector.named("collect")[0])["stoker.source"] == "cloudwatch-lambda"
    first = min(collector.named("tick"), key=lambda span: span.start_time_unix_nano)
    assert write.trace_id == first.trace_id


async def test_a_collector_that_hangs_delays_neither_ticks_nor_shutdown(tmp_path):
    sandbox, policy = sandbox_of(agent=5), tmp_path / "policy.yaml"
    policy.write_text(policy_text("agent", low=3))
    async with collecting() as collector, serving(sandbox) as url:
        collector.hanging = asyncio.Event()
        async with daemon(policy, tmp_path / "state", url, environment={"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url}) as run:
            await run.until(lambda: run.told("first-tick"))
            code = await run.end(signal.SIGTERM)
        assert (code, len(run.told("traces-lost"))) == (0, 1)
        collector.hanging.set()


async def test_a_real_scrape_counts_the_calls_that_the_daemon_made(tmp_path):
    sandbox, policy = sandbox_of(agent=5), tmp_path / "policy.yaml"
    policy.write_text(policy_text("agent", low=3))
    async with serving(sandbox) as url, daemon(policy, tmp_path / "state", url) as run:
        await run.until(lambda: run.told("first-tick"))
        async with aiohttp.ClientSession() as session, session.get(run.told("listening")[0]["url"] + "/metrics") as answer:
            text = await answer.text()
        assert await run.end(signal.SIGTERM) == 0

    assert 'stoker_api_calls_total{api="lambda",operation="put_provisioned_concurrency_config",outcome="ok"} 1.0' in text
    assert 'stoker_actual_writes_total{pool="agent",mode="active",outcome="accepted"} 1.0' in text
    assert 'stoker_metric_reads_usd_total{source="cloudwatch-lambda/0"}' in text
    if which("promtool") is None:
        pytest.skip("promtool is not installed (Debian package prometheus)")
    told = await asyncio.to_thread(subprocess.run, ["promtool", "check", "metrics"], input=text, capture_output=True, text=True,
                                   timeout=PATIENCE_SECONDS)
    assert (told.returncode, told.stdout + told.stderr) == (0, "")
