"""Warnings about valid settings of a pool that have no effect, or another one than expected. Pure."""

from collections.abc import Iterator

from config.model.policy import PoolPolicy
from controller.decision.costs.cost_model import DEFAULT_INIT_SECONDS

Path = tuple[str | int, ...]


def pool_warnings(pool: PoolPolicy) -> Iterator[tuple[Path, str]]:
    """Yield each warning with the path of its value within the pool."""
    measured = any(lever.measures_init for lever in (pool.lever, pool.top) if lever is not None)
    if pool.objective.cold_start_cost_usd_per_second is not None and pool.init_seconds is None and not measured:
        yield ("objective", "cold_start_cost_usd_per_second"), (
            f"{pool.lever.kind} does not measure the initialisation: each cold start costs this times "
            f"{DEFAULT_INIT_SECONDS:g} s; set init_seconds")
