"""Demand source of pools whose applications report what is in flight."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from types import MappingProxyType

from adapters.pinging.pinged import Pinged
from adapters.ports.demand_source import Telemetry
from adapters.ports.errors import Unreachable
from adapters.ports.reports import Impossible, Point, Receipt, Report, Span, TooMany
from adapters.push.inbox import PoolInbox
from adapters.push.otlp import Exports
from adapters.push.settings import PushSettings
from adapters.runtime.clock import Clock
from forecasting.demand import minute_of

SERVICE = "service.name"
"""Attribute of OpenTelemetry's resources that has the name of the pool by default."""

MOST_ALL_SENDERS = 20_000
"""Senders of all pools in memory."""

MOST_A_SECOND = 2000
"""Reports of one pool in a second; more are refused."""


class PushDemand:
    """Inboxes of pools by name, with the settings of each. `pinged`: shared state of pools with a lever that pings.

    Reports leave own pings out (see docs/demand/push.md), so they are demand of users.
    """

    kind = "push"

    def __init__(self, pools: Mapping[str, PushSettings], clock: Clock,
                 pinged: Mapping[str, Pinged] = MappingProxyType({})) -> None:
        started = clock.now().timestamp()
        self._inboxes = {name: PoolInbox(each.silence.total_seconds(), started) for name, each in pools.items()}
        self._labels = {name: each.match or {SERVICE: name} for name, each in pools.items()}
        self._exports = Exports(self._record)
        self._levelled = set[str]()
        """Pools of which some sender reports what is in flight: their minutes wait for no spans."""
        self._clock, self._pinged, self._size = clock, pinged, 0
        self._second = dict.fromkeys(pools, (0, 0))
        """Of each pool, the current second and the reports in it."""

    @property
    def reports(self) -> "PushDemand":
        """See `HasReports`."""
        return self

    def accept(self, pool: str, report: Report) -> Receipt:
        """Record a report. See `AcceptsReports`."""
        self._levelled.add(pool)
        return self._record(pool, report)

    def lost(self, pool: str) -> None:
        """See `AcceptsReports`."""
        self._inboxes[pool].refuse(self._clock.now().timestamp())

    def labels(self, pool: str) -> Mapping[str, str]:
        """See `AcceptsReports`."""
        return self._labels[pool]

    def measure(self, pool: str, sender: str, points: Sequence[Point]) -> Receipt | None:
        """Record the points of one export. See `AcceptsReports`."""
        inbox, at = self._inboxes[pool], self._clock.now().timestamp()
        self._levelled.add(pool)
        try:
            return self._exports.measure(pool, inbox.since, sender, points, at)
        except (TooMany, Impossible):
            inbox.refuse(at)
            raise

    def finish(self, pool: str, sender: str, spans: Sequence[Span], newest: float) -> int:
        """Record ended work. See `AcceptsReports`."""
        return self._exports.finish(pool, self._inboxes[pool].since, sender, spans, newest, self._clock.now().timestamp())

    def heard(self, pool: str, sender: str, newest: float | None) -> None:
        """Record a sign of life. See `AcceptsReports`."""
        self._exports.heard(pool, sender, newest, self._clock.now().timestamp())

    def _record(self, pool: str, report: Report) -> Receipt:
        inbox, at = self._inboxes[pool], self._clock.now().timestamp()
        second, count = self._second[pool]
        count = count + 1 if second == int(at) else 1
        self._second[pool] = int(at), count
        if count > MOST_A_SECOND:
            inbox.refuse(at)
            raise TooMany(f"the pool gets more than {MOST_A_SECOND} reports a second: report less often", 1.0)
        if self._size >= MOST_ALL_SENDERS and not inbox.knows(report.sender):
            inbox.refuse(at)
            raise TooMany(f"all pools have {MOST_ALL_SENDERS} senders, the maximum: let one sender report for several processes")
        before = inbox.size
        try:
            return inbox.accept(report, at)
        finally:
            self._size += inbox.size - before

    def in_flight(self, pool: str) -> int:
        """Return the maximum in flight in the current minute so far."""
        inbox = self._inboxes[pool]
        inbox.advance(self._clock.now().timestamp())
        return inbox.peak

    def senders(self, pool: str) -> dict[str, int]:
        """Return the number of senders by state. See `AcceptsReports`."""
        inbox = self._inboxes[pool]
        inbox.advance(self._clock.now().timestamp())
        return {"reporting": len(inbox.reporting), "silent": len(inbox.silent)}

    async def collect(self, pools: Sequence[str], since: Mapping[str, datetime], until: datetime) -> Mapping[str, Telemetry]:
        """Return the reported minutes of each pool. Waits for nothing. See `DemandSource`."""
        found = {name: self.reported(name, since[name], until) for name in pools}
        for name, telemetry in found.items():
            if (pinged := self._pinged.get(name)) is not None:
                pinged.usage.note(telemetry.series)
                pinged.own_traffic.note_users(telemetry.series)
        self._exports.prune(lambda pool, sender: self._inboxes[pool].knows(sender), self._clock.now().timestamp())
        self._size = sum(inbox.size for inbox in self._inboxes.values())
        return found

    def reported(self, pool: str, since: datetime, until: datetime) -> Telemetry:
        """Return the reported minutes of a pool. The error names a silent sender, or that there is none."""
        inbox = self._inboxes[pool]
        inbox.advance(self._clock.now().timestamp())
        spans, end = self._exports.spans_of(pool), minute_of(until)
        if spans is None:
            series = inbox.series(minute_of(since), end)
        else:  # work that has not ended is in no span yet
            series = spans.over(inbox.series(minute_of(since), end - (0 if pool in self._levelled else spans.wait)))
        if inbox.silent:
            name, sender = next(iter(inbox.silent.items()))
            others = f" and {len(inbox.silent) - 1} others" if len(inbox.silent) > 1 else ""
            text = (f"{name}{others} stopped reporting without a final report at "
                    f"{datetime.fromtimestamp(sender.reported_at, until.tzinfo):%H:%M:%S} UTC, so demand is unknown: let it "
                    "report again, or send a final report for it")
            return Telemetry(series, False, Unreachable(text))
        if not inbox.size:
            text = f"no sender has reported since the start: POST to /v1/pools/{pool}/in-flight, or correct `demand`"
            return Telemetry(series, False, Unreachable(text))
        return Telemetry(series, True if inbox.reporting else None)

    def monthly_cost_usd(self, pools: int, interval: timedelta) -> float:  # noqa: ARG002  (reports are free)
        """Return 0."""
        return 0.0
