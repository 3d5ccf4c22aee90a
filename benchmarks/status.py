"""Response time of `/status` and `/metrics` for many pools during ticks, and CPU time of a tick.

    python benchmarks/status.py [POOLS] [TICKS]

Ticks run back to back instead of once a minute, which is a much higher load. The client is a separate process. Limits: median of
50 ms; CPU time of a tick under 5 s; 1.5 GB of memory.
"""

import asyncio
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import structlog

from adapters.kinds import policy_kinds
from adapters.ports.demand_source import Telemetry
from adapters.ports.lever import Capacity, Phase, Traits
from adapters.runtime.clock import ManualClock
from config.model.policy import Assume, Policy, PoolPolicy
from controller.daemon.daemon import Daemon
from forecasting.demand import DemandSeries, minute_of

CLIENT = """
import json, sys, time, urllib.request
times, sizes = [], []
url, count = sys.argv[1], int(sys.argv[2])
for _ in range(count):
    start = time.perf_counter()
    body = urllib.request.urlopen(urllib.request.Request(url, headers={"Accept-Encoding": sys.argv[3]}), timeout=30).read()
    times.append(time.perf_counter() - start)
    sizes.append(len(body))
    time.sleep(0.05)
print(json.dumps({"times": times, "bytes": sizes[-1]}))
"""


class Warm:
    """Lever whose requested units are ready immediately."""

    kind = "bench"

    def __init__(self, clock):
        self.clock, self.units = clock, 10

    async def read(self):
        return Capacity(self.units, self.units, Phase.READY, self.clock.now())

    async def traits(self):
        return Traits(memory_mb=1024)

    async def write(self, target):
        self.units = target
        return await self.read()


class Busy:
    """Demand source with random demand for each minute."""

    kind = "bench"

    def __init__(self, rng, minutes):
        self.rng, self.minutes = rng, minutes

    async def collect(self, pools, since, until):
        end = minute_of(until)
        telemetry = {}
        for name in pools:
            first = max(minute_of(since[name]), end - self.minutes)
            rows = self.rng.integers(0, 20, end - first).astype(np.float32)
            telemetry[name] = Telemetry(DemandSeries(first, rows, rows, rows), alive=True)
        return telemetry

    def monthly_cost_usd(self, pools, interval):
        return pools * 1.3


class Providers:
    """Providers with one `Warm` lever per pool and one `Busy` source."""

    def __init__(self, clock, names, minutes):
        self.clock, self.names = clock, names
        self.source = Busy(np.random.Generator(np.random.PCG64(7)), minutes)

    def lever(self, pool):
        return Warm(self.clock)

    def sources(self, pools):
        return [(self.source, self.names)]

    def calls(self):
        return {}

    async def close(self):
        pass


async def main(pools: int, ticks: int) -> None:
    kind = policy_kinds().levers["lambda-provisioned-concurrency"]
    lever = kind(kind="lambda-provisioned-concurrency", region="us-east-1", function="agent", alias="live")
    names = tuple(f"pool-{number:05}" for number in range(pools))
    policy = Policy.model_construct(
        version=1, assume=Assume(),
        pools=tuple(PoolPolicy(name=name, lever=lever, min=10, max=10, mode="active", memory_mb=1024) for name in names))
    clock = ManualClock(datetime.now(UTC).replace(second=5, microsecond=0))
    with tempfile.TemporaryDirectory() as folder:
        service = Daemon(policy, Providers(clock, names, 60), clock, Path(folder), port=0)
        stop = asyncio.Event()
        running = asyncio.create_task(service.run(stop))
        await service.ready.wait()
        while service.runtime is None or service.runtime.components.fleet.last is None or service.runtime.tick.running:
            await asyncio.sleep(0.05)
        for region in service.runtime.components.fleet.regions:
            region.budget = type(region.budget)(reads=pools, writes=pools)
        start = time.perf_counter()
        await step(service, clock)
        print(f"first tick with every lever read: {time.perf_counter() - start:.2f} s")
        for _ in range(2):
            await step(service, clock)
        one = f"{service.url}/v1/pools/{names[pools // 2]}"
        print(f"/v1/pools/{{name}} between ticks: {text_of(await asyncio.to_thread(measured, one, 100))}")
        print(f"/status compressed: {text_of(await asyncio.to_thread(measured, service.url + '/status', 20, 'gzip'))}")
        client = started_client(f"{service.url}/status", 60)
        cpu, walls, done = time.process_time(), [], 0
        while client.poll() is None or done < ticks:
            start = time.perf_counter()
            await step(service, clock)
            walls.append(time.perf_counter() - start)
            done += 1
            await asyncio.sleep(0.2)
        cpu = (time.process_time() - cpu) / done
        out = json.loads(client.stdout.read())
        print(f"{pools} pools, {done} ticks back to back: {statistics.median(walls):.2f} s per tick, {cpu:.2f} s of CPU time "
              f"(a minute apart: {cpu / 60:.1%} of a core)")
        print(f"/status while it ticks: {text_of(out)}")
        start, cpu = time.perf_counter(), time.process_time()
        text = await service.runtime.published.exposition.text()
        again = time.perf_counter()
        await service.runtime.published.exposition.text()
        print(f"/metrics {len(text) / 1e6:.1f} MB, {len(text.splitlines()):,} lines: {again - start:.2f} s and "
              f"{time.process_time() - cpu:.2f} s of CPU time once per tick, {time.perf_counter() - again:.3f} s again")
        print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6:.2f} GB")
        stop.set()
        await running


def started_client(url, count, encoding=""):
    """Start a process that requests `url` `count` times."""
    return subprocess.Popen([sys.executable, "-c", CLIENT, url, str(count), encoding], stdout=subprocess.PIPE, text=True)


def measured(url, count, encoding=""):
    """Return the times in seconds and the size of the last body."""
    return json.loads(started_client(url, count, encoding).communicate(timeout=120)[0])


def text_of(out):
    """Return median, P90 and maximum of the times."""
    times = sorted(1000 * seconds for seconds in out["times"])
    return (f"{out['bytes'] / 1e6:.3f} MB: median {statistics.median(times):.1f} ms, p90 {times[int(len(times) * 0.9)]:.1f} ms, "
            f"maximum {times[-1]:.1f} ms")


async def step(service: Daemon, clock: ManualClock) -> None:
    clock.set(clock.now() + timedelta(minutes=1))
    await service.runtime.tick.run()


if __name__ == "__main__":
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    arguments = [int(each) for each in sys.argv[1:]]
    asyncio.run(main(*(arguments + [10_000, 10][len(arguments):])))
