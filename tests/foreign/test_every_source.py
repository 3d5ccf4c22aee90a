"""One policy with a pool for each kind of demand, against servers and clients of other projects. All of them are killed: no
capacity falls, except that of a pool whose sender has ended.
"""

import asyncio
import contextlib
import json
import subprocess
import sys
from datetime import timedelta

import aiohttp
from aiohttp import web

from adapters.runtime.clock import SystemClock
from forecasting.demand import instant_of, minute_of
from tests.e2e import daemons
from tests.foreign import servers
from tests.foreign.google.cloud import google_cloud
from tests.patience import PATIENCE_SECONDS
from tests.web_servers import served

TOKEN, UNITS, MINUTES = "every-source-token", 3, 150
STEP, MOST_STEPS, OUTAGE = 20, 60, 25 * 60
"""Seconds of a step before the outage, the most of these steps, and seconds of each of its four."""

CLIENT = """
import sys, time, statsd
client = statsd.StatsClient("127.0.0.1", int(sys.argv[1]), prefix="stoker.in_flight")
for line in sys.stdin:
    client.gauge("statsd", 3)
    time.sleep(0.1)  # datagrams that arrive within 50 ms are one report
    print("sent", flush=True)
"""
METRIC = {"namespace": "Agents", "dimensions": {"Service": "chat"}}


class Process:
    """A process that answers each line of its standard input with one."""

    def __init__(self, process):
        self.process = process

    @classmethod
    async def started(cls, *command, environment=None):
        pipe = asyncio.subprocess.PIPE
        given = daemons.clean_environment() | {"PYTHONPATH": str(servers.ROOT)} if environment is None else environment
        return cls(await asyncio.create_subprocess_exec(*map(str, command), stdin=pipe, stdout=pipe, env=given, limit=1 << 20))

    async def answer(self):
        line = await asyncio.wait_for(self.process.stdout.readline(), PATIENCE_SECONDS)
        assert line, "the process has ended"
        return line.decode()

    async def ask(self, line):
        self.process.stdin.write(f"{line}\n".encode())
        await self.process.stdin.drain()
        return await self.answer()

    async def kill(self):
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()
        await self.process.wait()


def measured(folder, end):
    """Write a history for Prometheus, and return the arguments of promtool that import it."""
    instants = [minute * 60 + 30 for minute in range(end - MINUTES, end + 10)]
    lines = ["# TYPE in_flight gauge", *(f"in_flight {UNITS} {at}" for at in instants), "# EOF\n"]
    folder.mkdir()
    (folder / "history.txt").write_text("\n".join(lines))
    (folder / "prometheus.yaml").write_text("scrape_configs: []\n")
    return ["tsdb", "create-blocks-from", "openmetrics", str(folder / "history.txt"), str(folder / "tsdb")]


def counted(client, end):
    """Put the metrics of an application into CloudWatch."""
    dimensions = [{"Name": "Service", "Value": "chat"}]
    for name, value in (("Running", 2.0), ("Waiting", 1.0), ("Heartbeat", 1.0)):
        points = [{"MetricName": name, "Dimensions": dimensions, "Timestamp": instant_of(minute), "Value": value}
                  for minute in range(end - MINUTES, end)]
        client.put_metric_data(Namespace="Agents", MetricData=points)


def rows(first, end):
    return "".join(f"{instant_of(minute):%Y-%m-%dT%H:%M:%SZ},30,{UNITS},{UNITS}\n" for minute in range(first, end))


def demands(prometheus, page, file):
    maximum = METRIC | {"statistic": "Maximum"}
    return {
        "prometheus": {"kind": "prometheus", "url": prometheus, "peak": "max_over_time(in_flight[1m])"},
        "cloudwatch": {"kind": "cloudwatch", "region": "us-east-1", "proof": maximum | {"metric": "Heartbeat"},
                       "peak": {"expression": "running + waiting", "metrics": [
                           maximum | {"id": "running", "metric": "Running"}, maximum | {"id": "waiting", "metric": "Waiting"}]}},
        "cloud-monitoring": {"kind": "cloud-monitoring", "project": "acme", "location": "europe-west1", "service": "chat",
                             "concurrency_target": 0.6},
        "http-metrics": {"kind": "http-metrics", "url": page},
        "history-file": {"kind": "history-file", "path": str(file)},
        "push": {"kind": "push"}, "otlp": {"kind": "push"}, "statsd": {"kind": "push"}, "ended": {"kind": "push"},
    }


async def test_no_capacity_falls_when_every_source_is_killed(account, tmp_path, monkeypatch):
    servers.need("statsd")
    end, kinds = minute_of(SystemClock().now()), {}
    command = measured(tmp_path / "prometheus", end)
    await asyncio.to_thread(subprocess.run, [servers.debian_program("promtool"), *command], check=True, capture_output=True)
    file = tmp_path / "history.csv"
    file.write_text("timestamp,invocations,avg_concurrency,max_concurrency\n" + rows(end - MINUTES, end))
    requests = {"total": 0}

    async def page(request):
        requests["total"] += 30
        return web.Response(text=f"# TYPE requests_in_flight gauge\nrequests_in_flight {UNITS}\n# TYPE requests_total counter\n"
                                 f"requests_total {requests['total']}\n")

    async with contextlib.AsyncExitStack() as stack:
        prometheus = stack.enter_context(servers.prometheus(tmp_path / "prometheus", tmp_path / "prometheus" / "prometheus.yaml"))
        cloudwatch = stack.enter_context(servers.moto(tmp_path / "moto"))
        (tmp_path / "google").mkdir()
        google = await stack.enter_async_context(google_cloud(tmp_path / "google"))
        pages = contextlib.AsyncExitStack()
        stack.push_async_callback(pages.aclose)
        url = await pages.enter_async_context(served(page))
        kinds = demands(prometheus.url, url, file)
        await asyncio.to_thread(counted, account.client("cloudwatch", cloudwatch.url), end)
        for name in kinds:
            await asyncio.to_thread(account.function, name, units=1, minutes=1)
        port = servers.free_port()
        policy = {"version": 1, "statsd": {"address": f"127.0.0.1:{port}"}, "defaults": {"mode": "active", "max": 9}, "pools": [
            {"name": name, "demand": demand, "lever": {"kind": "lambda-provisioned-concurrency", "region": "us-east-1",
                                                       "function": name, "alias": "live"}} for name, demand in kinds.items()]}
        (tmp_path / "policy.yaml").write_text(json.dumps(policy))
        environment = google.environment() | account.environment | {"AWS_ENDPOINT_URL_CLOUDWATCH": cloudwatch.url,
                                                                    "PYTHONPATH": str(servers.ROOT)}
        daemon = await Process.started(sys.executable, "-m", "tests.foreign.shifted_daemon", tmp_path / "policy.yaml",
                                       tmp_path / "state", TOKEN, environment=environment)
        stack.push_async_callback(daemon.kill)
        here = json.loads(await daemon.answer())["url"]
        otlp = await Process.started(sys.executable, "-m", "tests.foreign.otlp_exporter", here, "otlp", TOKEN)
        statsd = await Process.started(servers.ENVIRONMENT / "bin" / "python", "-c", CLIENT, port)
        for each in (otlp, statsd):
            stack.push_async_callback(each.kill)
        session = await stack.enter_async_context(aiohttp.ClientSession(headers={"Authorization": f"Bearer {TOKEN}"}))

        async def report(pool, sequence, in_flight, **more):
            body = {"sender": f"{pool}-1", "sequence": sequence, "in_flight": in_flight} | more
            async with session.post(f"{here}/v1/pools/{pool}/in-flight", json=body) as answer:
                assert answer.status == 200, await answer.text()

        for step in range(1, MOST_STEPS + 1):
            for pool in ("push", "ended"):
                await report(pool, step, UNITS)
            await asyncio.gather(otlp.ask(STEP), statsd.ask("now"))
            await daemon.ask(STEP)
            passed = minute_of(SystemClock().now() + timedelta(seconds=step * STEP))
            with file.open("a") as more:
                more.write(rows(end, passed))
            plans = json.loads(await daemon.ask("tick"))
            before = {name: await asyncio.to_thread(account.requested, name) for name in kinds}
            if min(before.values()) >= UNITS:
                break
        assert {name: units for name, units in before.items() if units < UNITS} == {}, plans

        await report("ended", MOST_STEPS + 1, 0, final=True)
        await asyncio.gather(otlp.kill(), statsd.kill(), google.grpc.stop(), pages.aclose())
        for server in (prometheus, cloudwatch):
            await asyncio.to_thread(server.stop)
        file.unlink()
        for _ in range(4):
            await daemon.ask(OUTAGE)
            plans = json.loads(await daemon.ask("tick"))
        after = {name: await asyncio.to_thread(account.requested, name) for name in kinds}

    assert after.pop("ended") == 0, plans["ended"]
    assert {name: units for name, units in after.items() if units < before[name]} == {}, plans
