"""Protocol of the store of demand, as collector and event tracker use it."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from forecasting.demand import DemandSeries


class DemandStore(Protocol):
    """Store of demand."""

    async def save_demand(self, series: Mapping[str, DemandSeries]) -> None:
        """Overwrite stored rows with the recorded ones."""

    async def withdraw(self, minutes: Mapping[str, Sequence[int]]) -> None:
        """Set stored zeros of these minutes of a pool to unknown."""

    async def load_demand(self, pools: Sequence[str], first_minute: int, end_minute: int) -> list[DemandSeries]:
        """Return the rows of each pool, unknown where nothing is stored."""

    async def oldest_known(self, first_minute: int) -> int | None:
        """Return the start of the first hour from `first_minute` on with a stored row of any pool; None without any."""

    async def newest_known(self, pools: Sequence[str]) -> Mapping[str, int]:
        """Return the newest known minute of each pool that has one."""
