"""StatsD senders, one for each pool, as a demand source: gauges over UDP."""

import asyncio
import socket

from adapters.statsd.gauges import Gauges
from adapters.statsd.listener import Listener, bound
from config.model.statsd import StatsD
from controller.daemon.statsd import Receiver
from tests.adapters.conformance.pushed_stage import PushedStage
from tests.patience import PATIENCE_SECONDS


class CountingReceiver(Receiver):
    """A receiver that counts what arrives."""

    arrived = 0

    def report(self, pool, report):
        self.arrived += 1
        super().report(pool, report)

    def refuse(self, why):
        self.arrived += 1
        super().refuse(why)


class PushStatsDSource(PushedStage):
    """Gauges are sent as absolute values, and their falls as changes."""

    def __init__(self) -> None:
        super().__init__()
        self._gauges = Gauges(1)
        self._lies: dict[str, float] = {}
        self._level: dict[str, int] = {}

    async def serve(self) -> None:
        await super().serve()
        (self._bound,) = bound(StatsD(address="127.0.0.1:0"))
        self._receiver = CountingReceiver(self.reports, None)
        self._listener = Listener(self._bound, self._gauges, self._receiver.report, self._receiver.lost, self._receiver.refuse,
                                  every=0.001)
        self._client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)

    async def die(self) -> None:
        if self.runs:
            self._listener.close()
            self._client.close()
        await super().die()

    def restart(self, **changes: object) -> None:
        super().restart(**changes)
        self._receiver._reports = self.reports

    async def send(self, pools: list[str]) -> None:
        arrived = self._receiver.arrived
        for pool in pools:
            self._client.sendto(self.datagram(pool), self._listener.address)
        async with asyncio.timeout(PATIENCE_SECONDS):
            while self._receiver.arrived < arrived + len(pools):  # noqa: ASYNC110
                await asyncio.sleep(0.0005)

    def datagram(self, pool: str) -> bytes:
        level = self.in_flight(pool)
        before, self._level[pool] = self._level.get(pool, 0), level
        value = self._lies.pop(pool, level)
        text = f"-{before}" if level == 0 < before and value == level else f"{value}"
        return f"stoker.in_flight:{text}|g|#pool:{pool},sender:{pool}-1".encode()

    def lie(self, pool: str, value: float) -> int:
        self._lies[pool] = value
        return self.now

    def reset_counters(self, pool: str) -> None:
        self._level[pool] = 0
