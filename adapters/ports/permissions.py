"""Permissions that the pools of a policy need, under the provider's own names.

Each provider lists every call of its levers and demand sources. `stoker iam` prints the permissions and `stoker doctor` tests
them. This module needs no provider library.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

from config.model.credentials import Cloud
from config.model.policy import PoolPolicy


@dataclass(frozen=True, slots=True)
class Permission:
    """One required permission, on each of `resources`. `writes`: only active pools need it. `why`: display text."""

    action: str
    resources: tuple[str, ...]
    why: str
    writes: bool = False


class Grants(Protocol):
    """Permissions of one identity at one provider: the daemon's own, or one in the credentials of pools.

    Created with the settings of the policy's lease when the own identity needs it, the credentials, and the roles that the own
    identity assumes.
    """

    cloud: ClassVar[Cloud]
    provider: ClassVar[str]
    """Display name of the provider."""

    identity: str
    """The role or service account; empty for the daemon's own identity."""

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

    def trust(self, daemon: str | None) -> dict[str, Any] | None:
        """Return what must let the daemon use the identity, as a document; None for the daemon's own. `daemon`: its own identity,
        a placeholder when None.
        """

    def trust_text(self, daemon: str | None) -> str:
        """Return the same as text to paste; empty for the daemon's own."""
