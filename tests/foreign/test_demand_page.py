"""A page of metrics that this project did not write: Prometheus' own, read as the demand of a pool."""

import asyncio
import signal
from datetime import timedelta

import aiohttp

from adapters.runtime.clock import ManualClock
from adapters.web.client import Client
from adapters.web.demand_page import PageDemand
from adapters.web.exposition import metrics_of
from tests.adapters.conformance.ping_stage import metrics_page
from tests.builders import NOON
from tests.foreign import servers
from tests.patience import PATIENCE_SECONDS

METRICS = {"in_flight_metric": "promhttp_metric_handler_requests_in_flight", "requests_metric": "prometheus_http_requests_total",
           "work_metric": "prometheus_http_request_duration_seconds_sum"}
EMPTY = "scrape_configs: []\n"


async def get(url):
    async with aiohttp.ClientSession() as session, session.get(url) as answer:
        return await answer.text(), answer.headers["Content-Type"]


async def looks(url, *between):
    """Demand from the pages before, between and after these steps, each of which takes a minute."""
    clock, client = ManualClock(NOON), Client()
    source = PageDemand(client, clock, {"agent": metrics_page(url, **METRICS)})
    try:
        for step in (*between, None):
            told = (await source.collect(["agent"], {"agent": NOON}, clock.now()))["agent"]
            assert told.error is None
            await clock.advance(timedelta(minutes=1))
            if step is not None:
                await step()
    finally:
        await client.close()
    return told.series


async def test_requests_to_prometheus_are_summed_over_all_handlers(tmp_path):
    (tmp_path / "prometheus.yaml").write_text(EMPTY)
    with servers.prometheus(tmp_path, tmp_path / "prometheus.yaml") as server:
        async def step():
            for path in ("/-/healthy", "/-/healthy", "/api/v1/targets"):
                await get(server.url + path)

        await step()
        await get(f"{server.url}/metrics")
        series = await looks(f"{server.url}/metrics", step, step)

    assert series.invocations.tolist() == [4.0, 4.0]  # three, and the reading itself
    assert series.peak.tolist() == [1.0, 1.0]
    assert ((series.busy >= 0) & (series.busy < 0.1)).all()


async def test_after_a_restart_of_prometheus_only_new_requests_count(tmp_path):
    (tmp_path / "prometheus.yaml").write_text(EMPTY)
    with servers.prometheus(tmp_path, tmp_path / "prometheus.yaml") as server:
        for _ in range(50):
            await get(f"{server.url}/metrics")
        page, kind = await get(f"{server.url}/metrics")
    before = metrics_of(page, kind, ["prometheus_http_requests_total"])["prometheus_http_requests_total"]
    with servers.prometheus(tmp_path, tmp_path / "prometheus.yaml") as server:
        page, kind = await get(f"{server.url}/metrics")
        series = await looks(f"{server.url}/metrics", lambda: get(f"{server.url}/metrics"))
    after = metrics_of(page, kind, ["prometheus_http_requests_total"])["prometheus_http_requests_total"]

    total = [sum(each.value for each in page.values()) for page in (before, after)]
    assert total[0] > 50 > total[1]
    assert series.invocations.tolist() == [2.0]


async def test_a_page_of_federation_with_its_timestamps_is_read(tmp_path):
    (tmp_path / "prometheus.yaml").write_text("global: {scrape_interval: 1s}\nscrape_configs:\n"
                                              "  - {job_name: self, static_configs: [{targets: ['127.0.0.1:PORT']}]}\n")
    with servers.prometheus(tmp_path, tmp_path / "prometheus.yaml") as server:
        text = (tmp_path / "prometheus.yaml").read_text().replace("PORT", str(server.port))
        (tmp_path / "prometheus.yaml").write_text(text)
        server.process.send_signal(signal.SIGHUP)
        page = ""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while "prometheus_http_requests_total{" not in page:
                page, kind = await get(f"{server.url}/federate?match[]=prometheus_http_requests_total")
    found = metrics_of(page, kind, ["prometheus_http_requests_total"])["prometheus_http_requests_total"]

    assert all(("job", "self") in labels for labels in found)
    assert len(found) == page.count("prometheus_http_requests_total{")
