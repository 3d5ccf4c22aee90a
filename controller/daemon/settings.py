"""Settings of a daemon, which stay as they are from start to stop."""

from collections.abc import Callable
from dataclasses import dataclass

from adapters.ports.lease_store import LeaseStore
from adapters.runtime.clock import Clock
from config.model.policy import Policy
from controller.daemon.policy_file import PolicyFile
from controller.fleet.builder import Providers
from controller.fleet.fleet import Fleet
from controller.notifications.notifier import Notifier
from controller.store.async_store import AsyncStore
from controller.telemetry.tracing import Tracing


@dataclass(frozen=True)
class Settings:
    """Settings of a daemon. `lease_store` belongs to the policy's lease; `holder` is this daemon's name in it. `file`: where
    the policy is read again; None where it is in no file.
    """

    policy: Policy
    """Policy of the start. The one in use is `Runtime.policy`."""
    providers: Providers
    clock: Clock
    notifier: Callable[[AsyncStore], Notifier] | None = None
    tracing: Tracing | None = None
    lease_store: LeaseStore | None = None
    holder: str = ""
    on_tick: Callable[[Fleet], None] | None = None
    file: PolicyFile | None = None
    expand: Callable[[Policy], Policy] = lambda policy: policy
    """Adds the selected pools to the policy of the file."""

    def __post_init__(self) -> None:
        if (self.policy.lease is None) is not (self.lease_store is None):
            raise ValueError("a lease and its store come together")
