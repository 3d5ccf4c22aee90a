"""Prometheus scrapes a real daemon, evaluates its rules and the dashboard's queries, and alerts fire in planted conditions."""

import asyncio
import contextlib
import re
import signal
import subprocess
from types import SimpleNamespace

import aiohttp
import yaml
from aiohttp import web

from tests.deploy.test_monitoring import EXPRESSIONS, RULES, rules
from tests.e2e.daemons import daemon, policy_text, sandbox_of, serving
from tests.foreign import servers
from tests.patience import PATIENCE_SECONDS
from tests.web_servers import served

GOVERNED = "function:governed:live"
AUTOSCALER = {"ServiceNamespace": "lambda", "ScalableDimension": "lambda:function:ProvisionedConcurrency", "MinCapacity": 1,
              "ResourceId": GOVERNED, "MaxCapacity": 9, "CreationTime": 0, "RoleARN": "arn:aws:iam::123456789012:role/scaling"}
VARIABLES = {"$instance": ".*", "$mode": ".*", "$pool": "agent", "$__rate_interval": "1m"}


class Prometheus:
    """A Prometheus that scrapes one daemon every second."""

    def __init__(self, server, session):
        self._url, self._session = server.url, session

    async def ask(self, path, **parameters):
        async with self._session.get(f"{self._url}/api/v1/{path}", params=parameters) as answer:
            body = await answer.json()
        assert body["status"] == "success", (path, parameters, body)
        return body["data"]

    async def query(self, expression):
        """The result of an instant query: values by their labels, without those of the scrape."""
        found = (await self.ask("query", query=expression))["result"]
        labels = [{name: value for name, value in each["metric"].items() if name not in ("instance", "job", "__name__")}
                  for each in found]
        return {tuple(sorted(each.items())): float(sample["value"][1]) for each, sample in zip(labels, found, strict=True)}

    async def firing(self):
        """Names of the alerts that fire, each with its pool or sink."""
        return {(each["labels"]["alertname"], each["labels"].get("pool", each["labels"].get("sink", "")))
                for each in (await self.ask("alerts"))["alerts"] if each["state"] == "firing"}

    async def until(self, condition):
        """Ask until `condition` holds; what it then is."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not (found := await condition()):  # noqa: ASYNC110
                await asyncio.sleep(0.2)
        return found


@contextlib.asynccontextmanager
async def scraping(folder, url, hold=r"\g<0>"):
    """A Prometheus for the daemon at `url`. `hold`: what each `for:` of the rules becomes."""
    folder.mkdir()
    (folder / "alerts.yaml").write_text(re.sub(r"for: \w+", hold, RULES.read_text()))
    (folder / "prometheus.yaml").write_text(yaml.safe_dump({
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"}, "rule_files": ["alerts.yaml"],
        "scrape_configs": [{"job_name": "stoker", "static_configs": [{"targets": [url.removeprefix("http://")]}]}]}))
    with servers.prometheus(folder, folder / "prometheus.yaml") as server:
        async with aiohttp.ClientSession() as session:
            yield Prometheus(server, session)


@contextlib.asynccontextmanager
async def watched(tmp_path, hold=r"\g<0>"):
    """A daemon with two pools, of which an autoscaler governs one, and a Prometheus that scrapes it; its sink answers 404 once
    `refusing` is set.
    """
    servers.debian_program("prometheus")
    sandbox, policy, refusing = sandbox_of(agent=5, governed=4), tmp_path / "policy.yaml", asyncio.Event()
    sandbox.scalable_targets[GOVERNED] = AUTOSCALER

    async def take(request):
        await refusing.wait()
        return web.Response(status=404)

    async with served(take) as sink, serving(sandbox) as url:
        notify = f"notify:\n  - {{name: on-call, kind: webhook, url: '{sink}/in'}}\n"
        policy.write_text(policy_text("agent", "governed", low=3) + notify)
        async with daemon(policy, tmp_path / "state", url) as run:
            try:
                await run.until(lambda: run.told("first-tick"))
                at = run.told("listening")[0]["url"]
                async with scraping(tmp_path / "prometheus", at, hold) as prometheus:
                    yield SimpleNamespace(run=run, url=at, prometheus=prometheus, refusing=refusing)
            finally:
                refusing.set()


async def test_prometheus_finds_the_daemon_healthy_and_every_rule_sound(tmp_path):
    async with watched(tmp_path) as here:
        async def healthy():
            targets = (await here.prometheus.ask("targets"))["activeTargets"]
            return [each for each in targets if each["health"] == "up"]

        async def evaluated():
            found = [rule for group in (await here.prometheus.ask("rules"))["groups"] for rule in group["rules"]]
            return found if all(rule["health"] != "unknown" for rule in found) else None

        (target,), loaded = await here.prometheus.until(healthy), await here.prometheus.until(evaluated)

    assert target["lastError"] == ""
    assert sorted(rule["name"] for rule in loaded) == sorted(rule.get("record", rule.get("alert")) for rule in rules())
    assert [(rule["name"], rule.get("lastError")) for rule in loaded if rule["health"] != "ok"] == []


async def test_prometheus_evaluates_every_query_to_the_values_of_the_daemon(tmp_path):
    async with watched(tmp_path) as here, aiohttp.ClientSession() as session:
        await here.prometheus.until(lambda: here.prometheus.query("stoker_actual_requested_units == 5"))
        for expression in EXPRESSIONS:
            for name, value in VARIABLES.items():
                expression = expression.replace(name, value)  # noqa: PLW2901
            await here.prometheus.query(expression)
        requested = await here.prometheus.query("stoker_actual_requested_units")
        ready = await here.prometheus.query('sum by (pool) (stoker_actual_ready_units{mode="active"})')
        async with session.get(f"{here.url}/status") as answer:
            status = {pool["name"]: pool for pool in (await answer.json())["pools"]}
        async with session.get(f"{here.url}/metrics") as answer:
            page = await answer.text()

    assert {dict(labels)["pool"]: units for labels, units in requested.items()} == {
        name: pool["actual_requested"] for name, pool in status.items()}
    assert {dict(labels)["pool"] for labels in ready} == set(status)
    command = [servers.debian_program("promtool"), "check", "metrics"]
    checked = await asyncio.to_thread(subprocess.run, command, input=page, capture_output=True, text=True,
                                      timeout=PATIENCE_SECONDS)
    assert (checked.returncode, checked.stdout + checked.stderr) == (0, "")


async def test_alerts_fire_for_the_fault_and_no_other_alert_fires(tmp_path):
    governed, lost = ("StokerForeignWriter", "governed"), ("StokerNoticesLost", "on-call")
    async with watched(tmp_path, hold="for: 1s") as here:
        async def fire(*expected):
            return set(expected) <= await here.prometheus.firing()

        await here.prometheus.until(lambda: fire(governed))
        await here.prometheus.until(lambda: here.prometheus.query('stoker_notices_total{outcome="refused"} == 0'))
        before = await here.prometheus.firing()
        here.refusing.set()
        await here.prometheus.until(lambda: fire(governed, lost))
        await here.run.end(signal.SIGKILL)
        await here.prometheus.until(lambda: fire(("StokerAbsent", "")))

    assert before == {governed}
