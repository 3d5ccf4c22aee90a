"""Recorded traffic through the code of the daemon, minute by minute under a manual clock, with forecasts made in this process.

As a program it fills a state directory up to now, for `stoker report`: `python -m tests.replays DAYS FOLDER FILE.csv.gz...`.
"""

import asyncio
import logging
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import structlog

from adapters.demand.history_file import open_history
from adapters.kinds import policy_kinds
from adapters.ports.demand_source import Telemetry
from adapters.runtime.clock import ManualClock
from config.loading.loader import load_policy
from controller.daemon import jobs
from controller.daemon.runtime import build
from controller.daemon.settings import Settings
from controller.http.auth import BearerAuth
from controller.http.published_state import PublishedState
from controller.store.async_store import AsyncStore
from controller.store.state_dir import STORE_NAME
from controller.store.state_store import Store
from forecasting.demand import DemandSeries, minute_of
from tests.fakes import FakeLever, FakeProviders, FakeSource
from tests.patience import PATIENCE_SECONDS

MINUTE = timedelta(minutes=1)
START = datetime(2026, 3, 2, tzinfo=UTC)
FORECAST_EVERY = 6 * 60
"""Minutes between two forecasts of a pool: as long as one reaches."""


class InProcess:
    """Workers that do their work at once."""

    async def run(self, work, *args):
        return work(*args)

    async def close(self):
        pass


class TraceSource(FakeSource):
    """Source that publishes recorded series by pool. At the start, all minutes before are known."""

    def __init__(self, series, delay=1):
        rows = {name: (one.first_minute, one.peak, one.busy, one.invocations) for name, one in series.items()}
        super().__init__({name: lambda minute: float("nan") for name in series}, delay, timedelta(days=14))
        self.rows = rows

    def _of(self, name, since, until):
        start, peak, busy, invocations = self.rows[name]
        end = minute_of(until)
        first = max(minute_of(since), end - self.history // MINUTE)
        minutes = np.arange(first, max(first, end))
        at = np.clip(minutes - start, 0, len(peak) - 1)
        hidden = (minutes < start) | (minutes >= start + len(peak)) | (minutes > end - self.delay)
        parts = [np.where(hidden, np.float32("nan"), each[at]).astype(np.float32) for each in (peak, busy, invocations)]
        return Telemetry(DemandSeries(first, *parts), alive=True)


async def replayed(folder, policy, series, start, minutes, *, levers=None, notifier=None, forecast_every=FORECAST_EVERY,
                   each=None):
    """Run the daemon's tick and jobs for so many minutes from `start` on; return the levers. The store stays in `folder`.

    `each`: called with the runtime, source and the number of the minute before each tick.
    """
    clock = ManualClock(start)
    source = TraceSource(series)
    levers = {name: FakeLever(clock) for name in series} if levers is None else levers(clock)
    settings = Settings(policy, FakeProviders([(source, tuple(series))], clock, levers), clock, notifier)
    store = AsyncStore(Store(folder / STORE_NAME))
    published = PublishedState(policy, clock, store, MINUTE, settings.providers.calls, BearerAuth(None))
    runtime = await build(settings, store, published, "http://127.0.0.1:0")
    rotation = runtime.components.forecasts.rotation
    rotation._workers = InProcess()
    try:
        for minute in range(minutes):
            if each is not None:
                each(runtime, source, minute)
            if minute == 0:
                await jobs.first_tick(runtime, settings)
            else:
                await asyncio.wait_for(runtime.tick.run(), PATIENCE_SECONDS)
            if forecast_every and minute % forecast_every == 1:
                for name in series:
                    await rotation.refresh(name)
            if minute % 15 == 14:
                await jobs.store_state(runtime, settings)
            clock.set(clock.now() + MINUTE)
        await jobs.store_state(runtime, settings, timedelta(0))
    finally:
        await runtime.components.notifier.close()
        await runtime.components.forecasts.close()
        await store.close()
    return levers


POOL = """\
  - name: {name}
    mode: {mode}
    lever: {{kind: lambda-provisioned-concurrency, region: us-east-1, function: {name}, alias: live}}
    max: 100
    memory_mb: 1024
    init_seconds: 8
"""


def fill(days: int, folder: Path, files: list[Path]) -> None:
    """Write FOLDER/policy.yaml and FOLDER/state: every second pool is active, and each recording ends now."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    end = datetime.now(UTC).replace(second=0, microsecond=0)
    recorded = {f"pool-{at}": open_history(file).series for at, file in enumerate(files)}
    series = {name: DemandSeries(minute_of(end) - len(one), one.peak, one.busy, one.invocations)
              for name, one in recorded.items()}
    (folder / "state").mkdir(parents=True)
    (folder / "policy.yaml").write_text("version: 1\npools:\n" + "".join(
        POOL.format(name=name, mode="active" if at % 2 else "shadow") for at, name in enumerate(series)))
    policy = load_policy(folder / "policy.yaml", policy_kinds())
    asyncio.run(replayed(folder / "state", policy, series, end - timedelta(days=days), days * 24 * 60))


if __name__ == "__main__":
    fill(int(sys.argv[1]), Path(sys.argv[2]), [Path(each) for each in sys.argv[3:]])
