"""Capacity that exists on paper: what a shadow pool would have, and what a backtest plays with."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from adapters.ports.lever import Capacity, Lever, Phase, Traits

if TYPE_CHECKING:
    from adapters.runtime.clock import Clock  # which waits, and so brings asyncio: a backtest needs neither


class SimulatedCapacity:
    """Requested units of which a raise is ready after `lead_time` and a fall takes effect at once.

    Ready at an instant is the least that was requested at any time since `lead_time` before it, so that each raise
    serves after its own lead time whatever came in between.
    """

    def __init__(self, lead_time: timedelta, requested: int = 0) -> None:
        self._lead_time = lead_time
        self._changes: list[tuple[datetime, int]] = []
        self.requested = requested
        self._settled = requested

    def request(self, target: int, now: datetime) -> None:
        """Ask for `target` units at `now`; instants must not go back."""
        self._changes.append((now, target))
        self.requested = target

    def ready(self, now: datetime) -> int:
        """Units usable at `now`."""
        since = now - self._lead_time
        while self._changes and self._changes[0][0] <= since:
            self._settled = self._changes.pop(0)[1]
        return min(self._settled, min((units for _, units in self._changes), default=self._settled))


class ShadowLever:
    """A lever that reads the real resource and writes only on paper: no mutating call can leave through it.

    What the real resource says of owners, blocks and limits is passed on; `requested` and `ready` are what they would be
    had the plans of this process been carried out since it first read, or since what `resumed` tells from before a restart.
    """

    def __init__(self, lever: Lever, clock: "Clock", lead_time: timedelta, resumed: int | None = None) -> None:
        self.kind = lever.kind
        self._lever, self._clock, self._lead_time = lever, clock, lead_time
        self._paper = None if resumed is None else SimulatedCapacity(lead_time, resumed)
        self.real: Capacity | None = None

    async def read(self) -> Capacity:
        self.real = await self._lever.read()
        if self._paper is None:
            self._paper = SimulatedCapacity(self._lead_time, self.real.requested)
        return self._on_paper(self.real, self._paper)

    async def traits(self) -> Traits:
        return await self._lever.traits()

    async def write(self, target: int) -> Capacity:
        if self.real is None or self._paper is None:
            await self.read()
        real, paper = self.real, self._paper
        if real is None or paper is None:
            raise AssertionError("a read sets both")
        paper.request(target, self._clock.now())
        return self._on_paper(real, paper)

    def _on_paper(self, real: Capacity, paper: SimulatedCapacity) -> Capacity:
        now = self._clock.now()
        ready = paper.ready(now)
        phase = Phase.READY if ready == paper.requested else Phase.IN_PROGRESS
        others = max(0, real.requested + real.others - paper.requested) if real.others else 0  # the greater of the two is kept
        return replace(real, requested=paper.requested, ready=ready, phase=phase, observed_at=now, others=others)
