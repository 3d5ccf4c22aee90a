"""Jobs of a running daemon besides the tick: store state, prune history, and score the capacity rules with measured costs."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta

import structlog

from controller.accounting.tick_accounting import store_accounts
from controller.daemon.reading_limits import limit_reads
from controller.daemon.runtime import Runtime
from controller.daemon.settings import Settings
from controller.daemon.weekly_report import send_weekly_report
from controller.decision.events.upcoming import all_events_without_windows
from controller.fleet.builder import save_measured
from controller.fleet.sources import collectors_of
from controller.preflight.reading_bill import bill_text
from controller.report.reading import METRIC_READS, dumped_metric_reads
from controller.store.sqlite_file import StoreError
from controller.store.state_store import KEEP
from forecasting.demand import minute_of

STORE_EVERY = timedelta(minutes=15)
"""Interval at which accounts and measurements are stored; a killed process loses no more of them."""

LEARNED_EVERY = timedelta(minutes=55)
"""Minimum age of the stored selector state before it is stored again: it takes many MB for many pools."""

PRUNE_EVERY = timedelta(hours=6)
RETUNE_EVERY = timedelta(hours=1)
WEEKLY_CHECK_EVERY = timedelta(minutes=5)

log = structlog.get_logger("stoker.service")

Job = Callable[[Runtime, Settings], Awaitable[None]]


async def first_tick(runtime: Runtime, settings: Settings) -> None:
    """Run the first tick at once, then every job whose input that tick has read, such as memory and CPU of the resources."""
    if reads := bill_text(runtime.policy):
        log.info("metric-reads", text=reads)
    await runtime.tick.run()
    for text in await asyncio.to_thread(all_events_without_windows, runtime.policy, settings.clock.now()):
        log.warning("event-without-windows", text=text)
    report = runtime.components.fleet.last
    if report is not None:
        log.info("first-tick", seconds=round(report.seconds, 3), planned=report.planned, written=report.written)
    await runtime.dead_man_switch.renew()
    await retune(runtime, settings)
    await store_state(runtime, settings)


async def store_state(runtime: Runtime, settings: Settings, learned_every: timedelta = LEARNED_EVERY) -> None:
    """Store accounts, measurements, forecast coverage, and selector state older than `learned_every`.

    Zero: the daemon is about to stop.
    """
    fleet, now = runtime.components.fleet, settings.clock.now()
    try:
        await store_accounts(fleet, runtime.components.accounts, runtime.policy, settings.clock, runtime.store,
                             ended=not learned_every)
        await save_measured(fleet, runtime.store, now)
        await runtime.store.run(runtime.store.store.save_blob, METRIC_READS, dumped_metric_reads(reads_usd(runtime)), now)
        await runtime.components.forecasts.rotation.accuracy.coverage.save(runtime.store, now)
        for group in fleet.regions:
            await group.save_snapshot(now, learned_every)
    except StoreError as error:
        log.error("store-failed", error=str(error))  # noqa: TRY400  (the message names the cause)


def reads_usd(runtime: Runtime) -> float:
    """Return the list price of reading the demand of all pools and all leading signals, in USD per month."""
    every = runtime.published.tick_every
    return sum(each.reading.total_usd_per_month(every) for each in collectors_of(runtime.components.fleet).values())


async def prune(runtime: Runtime, settings: Settings) -> None:
    """Delete history older than `KEEP`."""
    await runtime.store.run(runtime.store.store.prune, minute_of(settings.clock.now() - KEEP))


async def retune(runtime: Runtime, settings: Settings) -> None:
    """Score the capacity rules again where the cost terms of pools have changed, and slow reads that do not pay."""
    for group in runtime.components.fleet.regions:
        await group.retune(settings.clock.now())
    limit_reads(runtime.components.fleet, runtime.policy.limits)


PERIODIC: Sequence[tuple[str, timedelta, Job]] = (
    ("keep", STORE_EVERY, store_state), ("prune", PRUNE_EVERY, prune), ("retune", RETUNE_EVERY, retune),
    ("weekly-report", WEEKLY_CHECK_EVERY, send_weekly_report))
"""Name, interval and job."""
