"""What a provider's access control must allow for the pools of a policy, in the provider's own words.

Each provider lists, beside its levers and demand sources, every call that they make; `stoker iam` prints it and `stoker doctor`
tries it. Nothing here needs a provider's library.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from config.policy import PoolPolicy


@dataclass(frozen=True, slots=True)
class Permission:
    """One thing that must be allowed, on each of `resources`. `writes`: only pools in active mode need it. `why`: for people."""

    action: str
    resources: tuple[str, ...]
    why: str
    writes: bool = False


class Grants(Protocol):
    """How permissions are given at one provider. Made with the settings of the policy's lease where that is kept there."""

    provider: str
    """What an operator calls the provider."""

    def needed(self, pool: PoolPolicy) -> tuple[Permission, ...]:
        """Everything that the pool's lever and demand source call: in shadow what looks, in active mode also what sets."""

    def shared(self) -> tuple[Permission, ...]:
        """What no single pool needs: the lease's."""

    def documents(self, pools: Sequence[PoolPolicy], account: str | None) -> list[dict[str, Any]]:
        """The least that serves all of `pools`, for machines, in as few pieces as the provider takes. `account`: where the
        provider's resource names hold one.
        """

    def text(self, pools: Sequence[PoolPolicy], account: str | None) -> str:
        """The same, as an operator pastes it."""
