"""Weekly report to the sinks: once a week, by the leader, also over restarts. It describes the 7 days before."""

from datetime import datetime, timedelta

import structlog

from controller.daemon.runtime import Runtime
from controller.daemon.settings import Settings
from controller.report.assembly import PoolReport, Report, pool_reports, without_series
from controller.report.period import LEADER_HAS_SENT, Period, last_due
from controller.report.reading import read_own, read_shared
from controller.report.summary import summary_of
from controller.store.async_store import AsyncStore
from controller.store.sqlite_file import StoreError

KEY = "weekly-report"
"""Key of the snapshot in the store: the instant of the newest report that was due, in ISO 8601."""

CODE = "weekly-report"
WEEK = timedelta(days=7)

log = structlog.get_logger("stoker.notify")


async def send_weekly_report(runtime: Runtime, settings: Settings) -> None:
    """Send the report if one is due. After the first start the next one is due; one that fell into a stop is sent late."""
    setting, now, notifier = runtime.policy.weekly_report, settings.clock.now(), runtime.components.notifier
    if setting is None or not notifier.deliveries:
        return
    due = last_due(setting, now)
    try:
        handled = await stored_instant(runtime.store)
        if handled is not None and handled >= due:
            return
        if handled is not None:
            if runtime.components.fleet.term.write_blocked is None:
                notifier.notify(CODE, summary_of(await report_now(runtime, now)))
            elif now - due < LEADER_HAS_SENT:
                return
        await runtime.store.run(runtime.store.store.save_blob, KEY, due.isoformat().encode(), now)
    except StoreError as error:
        log.error("store-failed", error=str(error))  # noqa: TRY400  (the message names the cause)


async def stored_instant(store: AsyncStore) -> datetime | None:
    """Return the instant of the newest report that was sent or skipped; None without any."""
    body = await store.run(store.store.load_blob, KEY)
    try:
        return None if body is None else datetime.fromisoformat(body.decode())
    except ValueError:
        return None


async def report_now(runtime: Runtime, now: datetime) -> Report:
    """Return the report of the last 7 days. Each pool is read in a call of its own, and its minutes are dropped after that."""
    store, period = runtime.store, Period.before(now, WEEK)
    shared = await store.run(read_shared, store.store, period)
    pools: list[PoolReport] = []
    for pool in runtime.policy.pools:
        own = await store.run(read_own, store.store, pool, period)
        pools += map(without_series, pool_reports(pool, period, shared, own))
    return Report(period, tuple(pools), shared.metric_reads_usd_per_month)
