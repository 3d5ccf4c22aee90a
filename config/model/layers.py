"""Layers of a pool: a base of provisioned units, and above it units that pings keep warm."""

from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Any

from config.model.policy import PoolPolicy

OF_TOP = ":pings"
"""End of the name of a top layer's own policy. A pool's name contains no colon, so the two names differ."""


class TopPolicy(PoolPolicy):
    """Policy of a top layer. It is derived from that of its pool and is in no file."""

    layer_of: str
    """Name of the pool whose upper layer this is."""


def top_policy(pool: PoolPolicy) -> TopPolicy | None:
    """Return the policy of the top layer as a pool of its own, named `NAME:pings`; None for a pool with one lever.

    The floors belong to the base: a pinged unit can be reclaimed at any time. `max` is the ceiling of both layers together. Only
    Stoker sends these pings, so another number than the requested one is set again.
    """
    if pool.top is None:
        return None
    return TopPolicy.model_construct(pool.model_fields_set, **dict(pool) | {
        "layer_of": pool.name, "name": f"{pool.name}{OF_TOP}", "lever": pool.top, "top": None, "min": 0,
        "on_foreign_write": "reassert", "schedules": (), "events": (), "dead_man": None, "prewarm": None, "keep_setting": False,
        "budget_usd_per_month": None, "warmer": None, "max_step_up": None, "max_step_down": None,
        "scale_down_delay": timedelta(0),
    })


def with_layers(pools: Iterable[PoolPolicy]) -> Iterator[PoolPolicy]:
    """Yield each pool, and after it the policy of its top layer if it has one."""
    for pool in pools:
        yield pool
        top = top_policy(pool)
        if top is not None:
            yield top


def base_name(name: str) -> str:
    """Return the pool's name for the name of its top layer; other names unchanged."""
    return name.removesuffix(OF_TOP)


def in_file_keys(pool: PoolPolicy, without_none: bool = False) -> dict[str, Any]:
    """Return a pool with its defaults as JSON values, in the keys of a policy file: `levers` for two layers."""
    body: dict[str, Any] = pool.model_dump(mode="json", exclude={"top"}, exclude_none=without_none)
    if pool.top is not None:
        base = body.pop("lever")
        body = {"name": body.pop("name"), "levers": [base, pool.top.model_dump(mode="json", exclude_none=without_none)], **body}
    return body
