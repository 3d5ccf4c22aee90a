"""Responses about the policy in use, published in `/openapi.json`. See `controller.http.schemas.status`."""

from typing import Any

from controller.fleet.policy.in_force import ReloadOutcome
from controller.http.schemas.shape import Shape


class KeyChange(Shape):
    """One changed key with both values; null where the key is absent. Secrets are removed."""

    key: str
    old: Any
    new: Any


class Difference(Shape):
    """Difference between two policies: names of pools, the changed keys of each other pool, and those outside of pools."""

    added: list[str]
    removed: list[str]
    changed: dict[str, list[KeyChange]]
    fleet: list[KeyChange]
    needs_restart: list[str]


class Reloaded(Shape):
    """Outcome of a reload, and the hash of the policy in use."""

    outcome: ReloadOutcome
    at: str
    trigger: str
    text: str
    seconds: float
    hash: str
    diff: Difference | None
    """Null where nothing has changed."""


class Released(Shape):
    """Outcome of the release of an orphan. `failed`: the target was not reached."""

    pool: str
    requested: int | None
    target: int | None
    text: str
    failed: bool


class LastReload(Shape):
    """Last reload. `text`: what has changed, or why the policy was refused."""

    outcome: ReloadOutcome
    at: str
    trigger: str
    text: str


class SelectEntry(Shape):
    """An entry of `select`. `pools`, `left_out`: numbers of resources with and without a pool. `bounded`: a bound is reached."""

    pools: int
    most: int
    left_out: int
    bounded: bool
    max_usd_per_month: float
    """List price of all units of the pools, each at its `max`."""
    most_usd_per_month: float | None
    without_pool: list[str]
    """Up to 20 resources without a pool, with the reason."""


class SelectedPools(Shape):
    """Entries of `select`, and why places could not be listed."""

    listed_at: str | None
    entries: list[SelectEntry]
    errors: list[str]


class PolicyEntry(Shape):
    """Policy in use."""

    hash: str
    loaded_at: str
    last_reload: LastReload | None
    select: SelectedPools | None
    """Null without entries of `select`."""
