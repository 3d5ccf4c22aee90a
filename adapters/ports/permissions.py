"""Permissions that the pools of a policy need, under the provider's own names.

Each provider lists every call of its levers and demand sources. `stoker iam` prints the permissions and `stoker doctor` tests
them. This module needs no provider library.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from config.model.policy import PoolPolicy


@dataclass(frozen=True, slots=True)
class Permission:
    """One required permission, on each of `resources`. `writes`: only active pools need it. `why`: display text."""

    action: str
    resources: tuple[str, ...]
    why: str
    writes: bool = False


class Grants(Protocol):
    """Permissions at one provider. Created with the settings of the policy's lease when the lease is stored there."""

    provider: str
    """Display name of the provider."""

    def needed(self, pool: PoolPolicy) -> tuple[Permission, ...]:
        """Return the permissions of the pool's lever and demand source: read-only in shadow, writes too in active mode."""

    def shared(self) -> tuple[Permission, ...]:
        """Return the permissions that belong to no pool: those of the lease."""

    def documents(self, pools: Sequence[PoolPolicy], account: str | None) -> list[dict[str, Any]]:
        """Return the minimal permissions of all `pools` as documents, as few as the provider's size limit allows. `account`: used
        where the provider's resource names contain one.
        """

    def text(self, pools: Sequence[PoolPolicy], account: str | None) -> str:
        """Return the same as text to paste."""
