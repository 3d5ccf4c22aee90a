"""What a provider must offer to put its lever to the conformance checks: a real connection, and somebody who makes trouble."""

from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from typing import Protocol

from adapters.ports.lever import Lever
from adapters.runtime.clock import ManualClock


class Stage(Protocol):
    """One resource behind a real server on loopback, with nothing set at first. Troubles meet the lever's own calls."""

    clock: ManualClock
    resource: str
    """A word that every message about the resource must contain."""
    permission: str
    """What a refused write must name."""
    secret: str
    """Of the credentials in use; must stand nowhere."""
    foreign_owner: str
    """A word for the other autoscaler that `other_autoscaler` registers."""

    def lever(self, *, impatient: bool = False, resource: str | None = None) -> Lever:
        """A new lever, as after a restart. `impatient`: gives up on a call after about a second."""

    def writes(self) -> list[int]:
        """Every value that was accepted for the lever's own field, zero for giving back, in order."""

    def mutations(self) -> int:
        """Mutating requests that arrived, of any kind, refused ones included."""

    def rest(self) -> object:
        """Everything about the resource but the lever's field."""

    async def passes(self, span: timedelta) -> None:
        """Time goes by."""

    def set_by_hand(self, target: int) -> None:
        """Somebody else changes the field."""

    def throttle(self) -> None: ...
    def fail(self) -> None: ...
    def hang(self, *, writes: bool = True, resource: str | None = None) -> None: ...
    def garble(self) -> None: ...
    def lose_answers(self) -> None:
        """Writes are carried out, and the connection breaks before the answer."""

    def forget_resource(self) -> str:
        """The name of a resource that is not there."""

    def deny_writes(self) -> None: ...
    def expire_credentials(self) -> None: ...
    def limit(self, most: int) -> None:
        """The account allows no more than `most` units to the resource."""

    def other_autoscaler(self) -> None: ...
    def in_deployment(self) -> None: ...
    def calm(self) -> None:
        """Every trouble is over."""


StageMaker = type[AbstractAsyncContextManager[Stage]]
