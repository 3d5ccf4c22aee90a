"""Simulated capacity: of a pool in shadow mode, and of a backtest."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from adapters.ports.lever import Capacity, Lever, Phase, Traits

if TYPE_CHECKING:
    from adapters.runtime.clock import Clock  # imports asyncio, which a backtest does not need


class SimulatedCapacity:
    """Units of which an increase is ready after `lead_time` and a decrease takes effect at once.

    The units ready at an instant are the minimum requested since `lead_time` before it, so that each increase is ready after its
    own lead time regardless of later requests.
    """

    def __init__(self, lead_time: timedelta, requested: int = 0) -> None:
        self._lead_time = lead_time
        self._changes: list[tuple[datetime, int]] = []
        self.requested = requested
        self._settled = requested

    def request(self, target: int, now: datetime) -> None:
        """Request `target` units at `now`, which must not be earlier than in the call before."""
        self._changes.append((now, target))
        self.requested = target

    def ready(self, now: datetime) -> int:
        """Return the units usable at `now`."""
        since = now - self._lead_time
        while self._changes and self._changes[0][0] <= since:
            self._settled = self._changes.pop(0)[1]
        return min(self._settled, min((units for _, units in self._changes), default=self._settled))

    def next_change(self) -> datetime | None:
        """Return when the units ready may next change without another request, as of the last call of `ready`; None if never."""
        return self._changes[0][0] + self._lead_time if self._changes else None


class ShadowLever:
    """Lever that reads the real resource and simulates writes: it makes no mutating call.

    Owners, blocks and limits of the real resource are passed on. `requested` and `ready` are what they would be if the plans had
    been carried out since the first read, or since `resumed`, the units simulated before a restart.
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
