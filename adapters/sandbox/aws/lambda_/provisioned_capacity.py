"""Provisioned concurrency of one qualifier: its states, its delays and its bill."""

from dataclasses import dataclass, field
from enum import StrEnum

from adapters.sandbox.traffic.recorded import MINUTE_MS

UNITS_PER_MINUTE = 6_000
BILLING_STEP_MS = 5 * MINUTE_MS
INIT_FAILURE = "FUNCTION_ERROR_INIT_FAILURE"


class Status(StrEnum):
    """Of an allocation, in the provider's words."""

    IN_PROGRESS = "IN_PROGRESS"
    READY = "READY"
    FAILED = "FAILED"


class Meter:
    """Counts unit-milliseconds: as configured, each unit's span rounded up to five minutes, and as really available.

    How AWS rounds a partial change is not documented. Here every unit is billed from the Put that added it to the one that
    took it away, and the units added last go first.
    """

    def __init__(self) -> None:
        self._layers: list[tuple[int, int]] = []  # (units, configured since), the newest last
        self._closed = 0
        self._ending: list[tuple[int, int]] = []  # (units removed, end of the step that is billed for them)
        self._ready, self._ready_since, self._ready_total = 0, 0, 0

    def configure(self, units: int, at: int, *, charged: bool = True) -> None:
        """The configured units change to `units` at `at`; units that failed to allocate go uncharged."""
        surplus = sum(n for n, _ in self._layers) - units
        if surplus < 0:
            self._layers.append((-surplus, at))
        while surplus > 0:
            newest, since = self._layers.pop()
            gone = min(newest, surplus)
            if newest > gone:
                self._layers.append((newest - gone, since))
            if charged:
                self._closed += gone * _rounded(at - since)
                self._ending.append((gone, since + _rounded(at - since)))
            surplus -= gone
        self._ending = [each for each in self._ending if each[1] > at]

    def ready(self, units: int, at: int) -> None:
        """The units that can serve change to `units` at `at`."""
        self._ready_total += self._ready * (at - self._ready_since)
        self._ready, self._ready_since = units, at

    def billed_unit_ms(self, at: int) -> int:
        return self._closed + sum(units * _rounded(at - since) for units, since in self._layers)

    def prepaid_unit_ms(self, at: int) -> int:
        """Of `billed_unit_ms`, what is billed for the time after `at`: each step counts as a whole from its beginning on."""
        running = sum(units * (_rounded(at - since) - (at - since)) for units, since in self._layers)
        return running + sum(units * max(0, end - at) for units, end in self._ending)

    def ready_unit_ms(self, at: int) -> int:
        return self._ready_total + self._ready * (at - self._ready_since)


def _rounded(span: int) -> int:
    return -(-span // BILLING_STEP_MS) * BILLING_STEP_MS


@dataclass(slots=True)
class ProvisionedCapacity:
    """The state machine: a Put is followed by a preparation, then by allocation at 6,000 units a minute; none of the units
    added is usable before all are. What served before goes on serving. A decrease is immediate. Instants in milliseconds.
    """

    requested: int = 0
    available: int = 0
    status: Status = Status.READY
    status_reason: str | None = None
    modified: int = 0
    meter: Meter = field(default_factory=Meter)
    _allocates_from: int = 0
    _ready_at: int = 0
    _will_fail: bool = False

    @property
    def exists(self) -> bool:
        return self.requested > 0

    def put(self, units: int, at: int, preparation: int, *, init_fails: bool) -> None:
        """Ask for `units` (1 or more) at `at`; `preparation` in milliseconds. Asking again for what is being allocated changes
        nothing.
        """
        self.settle(at)
        if self.status is Status.IN_PROGRESS and units == self.requested:
            return
        self.requested, self.modified, self.status_reason = units, at, None
        self.meter.configure(units, at)
        if units <= self.available:
            self._become(units, at)
        else:
            self._allocate(units - self.available, at, preparation, init_fails)

    def move(self, at: int, preparation: int, *, init_fails: bool) -> None:
        """Allocate everything again, for another version, while the old version's units go on serving."""
        self._allocate(self.requested, at, preparation, init_fails)

    def delete(self, at: int) -> None:
        self.settle(at)
        self.requested, self.modified, self.status_reason = 0, at, None
        self.meter.configure(0, at)
        self._become(0, at)

    def settle(self, at: int) -> None:
        """Let pass what has fallen due by `at`."""
        if self.status is not Status.IN_PROGRESS or at < self._ready_at:
            return
        if self._will_fail:
            self.status, self.status_reason = Status.FAILED, INIT_FAILURE
            self.meter.configure(self.available, self._ready_at, charged=False)
        else:
            self._become(self.requested, self._ready_at)

    def allocated(self, at: int) -> int:
        """Units allocated at `at`, usable or not yet."""
        if self.status is not Status.IN_PROGRESS:
            return self.available
        grown = max(0, at - self._allocates_from) * UNITS_PER_MINUTE // MINUTE_MS
        return min(self.requested, self.available + grown)

    def _allocate(self, units: int, at: int, preparation: int, init_fails: bool) -> None:
        self.status, self._will_fail = Status.IN_PROGRESS, init_fails
        self._allocates_from = at + preparation
        self._ready_at = self._allocates_from + -(-units * MINUTE_MS // UNITS_PER_MINUTE)

    def _become(self, units: int, at: int) -> None:
        self.available, self.status = units, Status.READY
        self.meter.ready(units, at)
