"""Asynchronous interface of the store: each call runs in one dedicated thread, in order, and returns when its data is on disk."""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any, ParamSpec, Protocol, TypeVar

from controller.decision.planning.plan import Plan
from controller.decision.planning.pool_state.state import PoolState
from controller.store.state_store import Store
from forecasting.demand import DemandSeries

P = ParamSpec("P")
T = TypeVar("T")


class StateStore(Protocol):
    """Store of pool states. Each call returns when its data is on disk."""

    async def save_intent(self, pool: str, target: int, at: datetime) -> None:
        """Store the intent to write `target`, before the write is sent."""

    async def save_state(self, pool: str, state: PoolState) -> None:
        """Store the state after it changed, and after the outcome of a write is known."""

    async def save_lead_time(self, pool: str, target: int, seconds: float, at: datetime) -> None:
        """Store a measured lead time: `target` was requested at `at` and ready `seconds` later."""


class AsyncStore:
    """Store with asynchronous methods. A failed call raises `StoreError`."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="store")

    async def run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `function` in the store's thread, after all earlier calls."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, lambda: function(*args, **kwargs))

    async def close(self) -> None:
        """Finish all earlier calls, then close the store."""
        await self.run(self.store.close)
        self._thread.shutdown()

    async def save_intent(self, pool: str, target: int, at: datetime) -> None:
        await self.run(self.store.save_intent, pool, target, at)

    async def save_state(self, pool: str, state: PoolState) -> None:
        await self.run(self.store.save_state, pool, state)

    async def save_states(self, states: Mapping[str, PoolState]) -> None:
        await self.run(self.store.save_states, states)

    async def save_decisions(self, batch: Iterable[tuple[Plan, Mapping[str, Any]]]) -> None:
        await self.run(self.store.record_decisions, list(batch))

    async def save_lead_time(self, pool: str, target: int, seconds: float, at: datetime) -> None:
        await self.run(self.store.record_lead_time, pool, target, seconds, at)

    async def save_demand(self, series: Mapping[str, DemandSeries]) -> None:
        await self.run(self.store.save_demands, series)

    async def withdraw(self, minutes: Mapping[str, Sequence[int]]) -> None:
        await self.run(self.store.withdraw, minutes)

    async def load_demand(self, pools: Sequence[str], first_minute: int, end_minute: int) -> list[DemandSeries]:
        return await self.run(lambda: [self.store.load_demand(pool, first_minute, end_minute) for pool in pools])

    async def oldest_known(self, first_minute: int) -> int | None:
        return await self.run(self.store.oldest_known_minute, first_minute)

    async def newest_known(self, pools: Sequence[str]) -> Mapping[str, int]:
        return await self.run(self.store.newest_known_minute, pools)
