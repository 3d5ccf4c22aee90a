"""StatsD datagrams as reports to the pools of a daemon."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog

from adapters.ports.reports import Report, TooMany
from adapters.runtime.clock import Clock
from adapters.statsd.gauges import Gauges
from adapters.statsd.listener import CannotReceive, Listener, bound
from config.model.statsd import StatsD
from controller.fleet.reports import NotPushed, Reports
from controller.http.components import Components
from controller.http.server import CannotListen
from controller.leadership.leader_election import LeaderElection

log = structlog.get_logger("stoker.statsd")


class Receiver:
    """What the listeners call. Only the leader of several daemons counts reports. `malformed`: number of unusable lines."""

    def __init__(self, reports: Reports, leadership: LeaderElection | None) -> None:
        self._reports, self._leadership = reports, leadership
        self.malformed = 0

    def report(self, pool: str, report: Report) -> None:
        """Record a report."""
        if self._leadership is not None and self._leadership.write_blocked(self._leadership.number) is not None:
            return
        try:
            self._reports.accept(pool, report)
        except (NotPushed, TooMany) as error:
            self.refuse(str(error))

    def lost(self, pool: str) -> None:
        """Record that a value of a pool is lost."""
        self._reports.lost(pool)

    def refuse(self, why: str) -> None:
        """Count a line that cannot be used, and log it at most once a minute."""
        self.malformed += 1
        log.warning("statsd-refused", error=why, total=self.malformed)


@asynccontextmanager
async def receiving(settings: StatsD | None, components: Components, clock: Clock) -> AsyncIterator[list[Listener]]:
    """Receive datagrams within the block. Raise `CannotListen`."""
    if settings is None:
        yield []
        return
    receiver, gauges = Receiver(components.reports, components.leadership), Gauges(int(clock.now().timestamp() * 1000))
    try:
        sockets = bound(settings)
    except CannotReceive as error:
        raise CannotListen(str(error)) from error
    listeners = [Listener(each, gauges, receiver.report, receiver.lost, receiver.refuse) for each in sockets]
    log.info("receiving-statsd", address=settings.address, socket=settings.socket)
    if settings.open:
        log.warning("exposed", address=settings.address, text="any host that can reach this UDP port can report demand of pools "
                    "with pushed demand: limit access to your network")
    try:
        yield listeners
    finally:
        for each in listeners:
            each.close()
