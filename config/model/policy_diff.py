"""Difference between two policies: pools added, removed and changed, and the changed keys of each with both values."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from config.model.policy import Policy

OF_POOLS = ("pools", "selected")
"""Fields of a policy that the comparison of pools covers."""

RESTART_KEYS = ("lease", "statsd")
"""Keys of a policy that only a restart changes: the lease is held, and the sockets are open, from start to stop."""


@dataclass(frozen=True, slots=True)
class Change:
    """One changed key, such as `schedules[0].min`, with its values as in a policy file; None where the key is absent."""

    key: str
    old: Any
    new: Any

    @property
    def top_key(self) -> str:
        """Return the key of the pool or of the policy below which the change is."""
        return self.key.partition(".")[0].partition("[")[0]


@dataclass(frozen=True, slots=True)
class PolicyDiff:
    """Difference between two policies. Pools are compared by name, each with the file's defaults merged in.

    `changed`: the changed keys of each pool that both policies have. `fleet`: those outside of pools.
    """

    added: tuple[str, ...]
    removed: tuple[str, ...]
    changed: Mapping[str, tuple[Change, ...]]
    fleet: tuple[Change, ...]

    def __bool__(self) -> bool:
        """Return whether the policies differ."""
        return bool(self.added or self.removed or self.changed or self.fleet)

    @property
    def restart_keys(self) -> tuple[str, ...]:
        """Changed keys that a running daemon cannot take over."""
        top = {change.top_key for change in self.fleet}
        return tuple(key for key in RESTART_KEYS if key in top)


def policy_diff(old: Policy, new: Policy) -> PolicyDiff:
    """Return what changes from `old` to `new`."""
    was, now = ({pool.name: pool for pool in each.pools} for each in (old, new))
    changed = {name: changes(was[name], pool) for name, pool in now.items() if name in was and was[name] != pool}
    fleet = [change for key in Policy.model_fields if key not in OF_POOLS and getattr(old, key) != getattr(new, key)
             for change in compared(key, written(getattr(old, key)), written(getattr(new, key)))]
    return PolicyDiff(tuple(name for name in now if name not in was), tuple(name for name in was if name not in now),
                      {name: each for name, each in changed.items() if each}, tuple(fleet))


def changes(old: BaseModel, new: BaseModel) -> tuple[Change, ...]:
    """Return the changed keys of a model."""
    return tuple(compared("", written(old), written(new)))


def written(value: object) -> Any:  # noqa: ANN401  (JSON values)
    """Return a setting as in a policy file: keys that are absent are left out."""
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json", exclude_none=True)
    return [written(each) for each in value] if isinstance(value, tuple) else value


def compared(key: str, old: Any, new: Any) -> Iterator[Change]:  # noqa: ANN401  (JSON values)
    """Yield the changes below `key`, in the order of the model."""
    if old == new:
        return
    if isinstance(old, dict) and isinstance(new, dict):
        for name in dict.fromkeys((*old, *new)):
            yield from compared(f"{key}.{name}" if key else name, old.get(name), new.get(name))
    elif isinstance(old, list) and isinstance(new, list):
        for at in range(max(len(old), len(new))):
            yield from compared(f"{key}[{at}]", old[at] if at < len(old) else None, new[at] if at < len(new) else None)
    else:
        yield Change(key, old, new)
