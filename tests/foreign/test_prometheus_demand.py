"""Demand from Debian's Prometheus: a history that promtool wrote, gaps, restarts, and the commands on a pool that reads it."""

import contextlib
import csv
import gzip
import json
import re
import subprocess
import time
from datetime import datetime, timedelta

import numpy as np
import pytest
import yaml

from adapters.pinging.demand_without_pings import UNSURE_MINUTES
from adapters.ports.errors import Unreachable, Unsupported
from adapters.prometheus.client import PrometheusClient
from adapters.prometheus.demand_source import PrometheusDemand
from adapters.prometheus.settings import PrometheusSettings
from adapters.runtime.clock import SystemClock
from forecasting.demand import instant_of, minute_of
from tests.foreign import servers
from tests.foreign.commands import installed_stoker
from tests.patience import PATIENCE_SECONDS

DAYS, AHEAD, RESTART = 14, 60, 5000
"""Days of history, minutes of it in the future so that a slow test still has a present, and the minute of a restart."""

GAP = range(DAYS * 1440 - 120, DAYS * 1440 - 100)
"""Minutes without a scrape, in which the application was busy."""

QUERIES = {"peak": 'sum(max_over_time(in_flight{app="{pool}"}[1m]))', "busy": 'sum(avg_over_time(in_flight{app="{pool}"}[1m]))',
           "requests": 'sum(increase(requests_total{app="{pool}"}[2m])) / 2', "proof": 'min_over_time(up{job="{pool}"}[1m])'}
EMPTY = "scrape_configs: []\n"


class History:
    """A trace that is scraped once a minute, 30 s after its start, by two units: their requests in flight, and their requests."""

    def __init__(self):
        rng = np.random.default_rng(16)
        minutes = np.arange(DAYS * 1440 + AHEAD)
        shape = 6 * (1 + np.sin(2 * np.pi * minutes / 1440))
        self.units = rng.poisson(shape / 2, (2, len(minutes)))
        self.requests = rng.poisson(20 * shape / 2 + 1, (2, len(minutes)))
        self.first = minute_of(SystemClock().now()) - DAYS * 1440
        self.scraped = ~np.isin(minutes, GAP)

    def open_metrics(self):
        """Return the samples: the counter of the first unit restarts, and the second unit ends while nothing runs."""
        instants = [(self.first + minute) * 60 + 30 for minute in range(len(self.scraped))]
        counted = self.requests.cumsum(axis=1)
        counted[0, RESTART:] -= counted[0, RESTART - 1]
        yield "# TYPE in_flight gauge"
        yield from (f'in_flight{{app="agent",unit="{unit}"}} {self.units[unit, minute]} {instants[minute]}' for unit in range(2)
                    for minute in np.flatnonzero(self.scraped).tolist())
        yield "# TYPE requests counter"
        yield from (f'requests_total{{app="agent",unit="{unit}"}} {counted[unit, minute]} {instants[minute]}' for unit in range(2)
                    for minute in np.flatnonzero(self.scraped).tolist())
        yield "# TYPE up gauge"
        for job in ("agent", "idle"):
            yield from (f'up{{job="{job}"}} 1 {instants[minute]}' for minute in np.flatnonzero(self.scraped).tolist())
        yield "# EOF\n"


@pytest.fixture(scope="module")
def history():
    return History()


@pytest.fixture(scope="module")
def server(history, tmp_path_factory):
    """A Prometheus with 14 days of the history."""
    folder = tmp_path_factory.mktemp("prometheus-demand")
    (folder / "prometheus.yaml").write_text(EMPTY)
    (folder / "history.txt").write_text("\n".join(history.open_metrics()))
    promtool = servers.debian_program("promtool")
    command = [promtool, "tsdb", "create-blocks-from", "--max-block-duration=744h", "openmetrics"]  # by default one for 2 h each
    subprocess.run([*command, folder / "history.txt", folder / "tsdb"], check=True, capture_output=True, timeout=PATIENCE_SECONDS)
    with servers.prometheus(folder, folder / "prometheus.yaml") as started:
        yield started


def settings_of(url, **changes):
    return PrometheusSettings.model_validate({"kind": "prometheus", "url": url, **QUERIES} | changes)


@contextlib.asynccontextmanager
async def source_of(url, *pools, **changes):
    clock = SystemClock()
    settings = settings_of(url, **changes)
    client = PrometheusClient(settings, clock, {}, PATIENCE_SECONDS)
    try:
        yield PrometheusDemand(client, clock, dict.fromkeys(pools, settings))
    finally:
        await client.close()


async def read(url, history, minutes=DAYS * 1440, pool="agent", **changes):
    """Return the telemetry of the last `minutes` minutes before the history's present."""
    until = instant_of(history.first + DAYS * 1440)
    async with source_of(url, pool, **changes) as source:
        return (await source.collect([pool], {pool: until - timedelta(minutes=minutes)}, until))[pool]


async def test_fourteen_days_of_a_trace_are_read_back_exactly(server, history):
    found = await read(server.url, history)
    real, known = history.units.sum(axis=0)[: DAYS * 1440], history.scraped[: DAYS * 1440]

    assert (found.error, found.alive, found.series.first_minute) == (None, True, history.first)
    assert found.series.known.tolist() == known.tolist()
    assert found.series.busy[known].tolist() == real[known].astype(float).tolist()
    requests = history.requests.sum(axis=0)[: DAYS * 1440]
    assert found.series.peak[known].tolist() == np.maximum(real, requests > 0)[known].astype(float).tolist()
    settled = known & np.roll(known, 1)  # an increase needs the scrape before
    settled[0] = False
    assert np.allclose(found.series.invocations[settled], requests[settled], atol=1e-3)


async def test_queries_that_are_sent_together_give_what_each_gives_alone(server, history):
    clock, until = SystemClock(), instant_of(history.first + DAYS * 1440)
    good, wrong = settings_of(server.url), settings_of(server.url, peak="sum(x[1m])")
    pools = {"agent": good, "idle": good, "wrong": wrong}
    client = PrometheusClient(good, clock, {}, PATIENCE_SECONDS)
    try:
        source = PrometheusDemand(client, clock, pools)
        found = await source.collect(list(pools), dict.fromkeys(pools, until - timedelta(minutes=60)), until)
        del pools["wrong"]
        joined = await source.collect(list(pools), dict.fromkeys(pools, until - timedelta(minutes=60)), until)
        calls = client.calls.counts.total()
    finally:
        await client.close()
    alone = (await read(server.url, history, 200)).series

    assert "wrong" in str(found["wrong"].error)
    assert calls == (1 + 12) + 1
    for each in (found, joined):
        for kind in ("peak", "busy", "invocations"):
            assert np.array_equal(getattr(each["agent"].series, kind), getattr(alone, kind)[-60:], equal_nan=True)
        assert each["idle"].series.peak.tolist() == [0.0] * 60


async def test_minutes_without_a_scrape_are_unknown_where_a_plain_query_repeats_the_last_value(server, history):
    plain = 'sum(in_flight{app="{pool}"})'
    rows = slice(GAP.start, GAP.stop)

    assert not (await read(server.url, history)).series.recorded[rows].any()
    assert not (await read(server.url, history, peak=plain)).series.recorded[rows].any()
    async with source_of(server.url, "agent") as source:
        client, query = source._client, 'sum(in_flight{app="agent"})'
        answer = await client.range_query(await client.access.read(), "peak", query, *(history.first + each for each in (
            rows.start, rows.stop)))
    assert np.flatnonzero(~np.isnan(answer.series[0].values)).tolist() == [0, 1, 2, 3]


async def test_a_pool_whose_metrics_never_existed_is_idle_only_with_proof(server, history):
    proven = await read(server.url, history, 200, pool="idle")
    unproven = await read(server.url, history, 200, pool="idle", proof=None)

    assert proven.series.peak[-60:].tolist() == [0.0] * 60
    assert proven.series.invocations[-60:].tolist() == [0.0] * 60
    assert not proven.series.recorded[200 - 120 : 200 - 100].any()
    assert (unproven.alive, unproven.series.recorded.any()) == (False, False)


@pytest.mark.parametrize(("query", "words"), [
    ("sum(max_over_time(in_flight[1m]) +)", "parse error"),
    ("max_over_time(in_flight[1m])", "2 series, which differ in unit"),
    ('label_replace(max_over_time(in_flight[1m]), "unit", "x", "", "")', "same labelset"),
])
async def test_a_query_that_cannot_work_is_an_error_with_the_servers_reason(server, history, query, words):
    error = (await read(server.url, history, 60, peak=query)).error

    assert isinstance(error, Unsupported)
    assert words in str(error)


async def test_a_point_that_is_not_a_number_is_unknown(server, history):
    found = await read(server.url, history, 15, peak="sum(max_over_time(in_flight[1m])) / 0", busy=None, requests=None)

    assert (found.error, found.series.known.any()) == (None, False)


def documented():
    """Return the settings in the blocks of the page of the source."""
    page = (servers.ROOT / "docs" / "demand" / "prometheus.md").read_text()
    blocks = [yaml.safe_load(text) for text in re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)]
    return [block.get("demand", block) for block in blocks]


@pytest.mark.parametrize("block", documented(), ids=lambda block: block["peak"][:40])
async def test_the_server_accepts_every_documented_query(server, history, block):
    queries = {name: query for name, query in block.items() if name in QUERIES}
    found = await read(server.url, history, 15, **dict.fromkeys(QUERIES) | queries)

    assert found.error is None


def restarted(server):
    """Start the command of a killed server again."""
    with server.log.open("ab") as output:
        server.process = subprocess.Popen(server.process.args, cwd=server.log.parent, stdin=subprocess.DEVNULL, stdout=output,
                                          stderr=subprocess.STDOUT, start_new_session=True)
    end = time.monotonic() + PATIENCE_SECONDS
    while not servers.answers(server, "/-/ready"):
        assert time.monotonic() < end, server.text()
        time.sleep(0.05)


async def test_a_killed_server_is_an_error_and_after_its_restart_the_history_is_there_again(history, server, tmp_path):
    async with source_of(server.url, "agent") as source:
        until = instant_of(history.first + DAYS * 1440)
        since = {"agent": until - timedelta(minutes=60)}
        before = (await source.collect(["agent"], since, until))["agent"]
        server.process.kill()
        server.process.wait(PATIENCE_SECONDS)
        during = (await source.collect(["agent"], since, until))["agent"]
        restarted(server)  # in this thread: the process ends with the thread that starts it
        after = (await source.collect(["agent"], since, until))["agent"]

    assert (before.error, after.error) == (None, None)
    assert isinstance(during.error, Unreachable)
    assert not len(during.series)
    assert np.array_equal(before.series.peak, after.series.peak, equal_nan=True)


async def test_doctor_plan_and_history_read_the_demand_of_a_pool_from_prometheus(server, history, tmp_path):
    policy = tmp_path / "policy.yaml"
    demand = json.dumps({"kind": "prometheus", "url": server.url, **QUERIES})
    policy.write_text(f"version: 1\ndefaults:\n  max: 50\n  memory_mb: 1024\n  demand: {demand}\npools:\n  - name: agent\n"
                      "    lever: {kind: http-ping, url: 'http://127.0.0.1:1/', opted_in: true}\n"
                      "    prices: {idle: 0.0000041, warm_busy: 0.0000097, on_demand: 0.0000166}\n")
    stages = {}
    for name, arguments in {"doctor": ("doctor", str(policy), "--state-dir", str(tmp_path / "state"), "--json"),
                            "plan": ("plan", "--policy", str(policy), "--json"),
                            "history": ("history", "--policy", str(policy), "--output", str(tmp_path / "out"))}.items():
        code, out, err = await installed_stoker(*arguments, environment={})
        assert code == 0, (name, out, err)
        stages[name] = out

    findings = [each for each in json.loads(stages["doctor"])["findings"] if each["verdict"] in ("warn", "fail")]
    assert [each for each in findings if each["check"] in ("metrics", "query", "clock")] == []
    (planned,) = json.loads(stages["plan"])["pools"]
    assert planned["target"] > 0
    with gzip.open(tmp_path / "out" / "agent.csv.gz", "rt") as file:
        rows = list(csv.DictReader(file))
    known = [row for row in rows if row["max_concurrency"]]
    minutes = [minute_of(datetime.fromisoformat(row["timestamp"])) - history.first for row in known]
    assert len(known) > DAYS * 1440 - len(GAP) - UNSURE_MINUTES - 10  # of a pool that is pinged, the first hour is unsure
    assert [float(row["avg_concurrency"]) for row in known] == history.units.sum(axis=0)[minutes].tolist()
