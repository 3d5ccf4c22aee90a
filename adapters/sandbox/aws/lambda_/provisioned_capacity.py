"""Provisioned concurrency of one qualifier: states, delays and billed time."""

from dataclasses import dataclass, field
from enum import StrEnum

from adapters.sandbox.traffic.recorded import MINUTE_MS

UNITS_PER_MINUTE = 6_000
BILLING_STEP_MS = 5 * MINUTE_MS
INIT_FAILURE = "FUNCTION_ERROR_INIT_FAILURE"


class Status(StrEnum):
    """Status of an allocation, as AWS names it."""

    IN_PROGRESS = "IN_PROGRESS"
    READY = "READY"
    FAILED = "FAILED"


class Meter:
    """Meter of unit-milliseconds: billed (the span of each configured unit, rounded up to 5 min) and ready.

    AWS does not document how it rounds a partial change. Here a unit is billed from the Put that added it to the Put that
    removed it, and the units added last are removed first.
    """

    def __init__(self) -> None:
        self._layers: list[tuple[int, int]] = []  # (units, configured since), the newest last
        self._closed = 0
        self._ending: list[tuple[int, int]] = []  # (units removed, end of the step that is billed for them)
        self._ready, self._ready_since, self._ready_total = 0, 0, 0

    def configure(self, units: int, at: int, *, charged: bool = True) -> None:
        """Change the configured units to `units` at `at`. `charged` False: removed units were never allocated, and not billed."""
        surplus = sum(n for n, _ in self._layers) - units
        if surplus < 0:
            self._layers.append((-surplus, at))
        while surplus > 0:
            newest, since = self._layers.pop()
            removed = min(newest, surplus)
            if newest > removed:
                self._layers.append((newest - removed, since))
            if charged:
                self._closed += removed * _rounded(at - since)
                self._ending.append((removed, since + _rounded(at - since)))
            surplus -= removed
        self._ending = [each for each in self._ending if each[1] > at]

    def ready(self, units: int, at: int) -> None:
        """Change the ready units to `units` at `at`."""
        self._ready_total += self._ready * (at - self._ready_since)
        self._ready, self._ready_since = units, at

    def billed_unit_ms(self, at: int) -> int:
        """Return the billed unit-milliseconds up to `at`; each started step of 5 min counts in full."""
        return self._closed + sum(units * _rounded(at - since) for units, since in self._layers)

    def prepaid_unit_ms(self, at: int) -> int:
        """Return the part of `billed_unit_ms` that is for the time after `at`: each step counts in full from its start."""
        running = sum(units * (_rounded(at - since) - (at - since)) for units, since in self._layers)
        return running + sum(units * max(0, end - at) for units, end in self._ending)

    def ready_unit_ms(self, at: int) -> int:
        """Return the ready unit-milliseconds up to `at`."""
        return self._ready_total + self._ready * (at - self._ready_since)


def _rounded(span: int) -> int:
    return -(-span // BILLING_STEP_MS) * BILLING_STEP_MS


@dataclass(slots=True)
class ProvisionedCapacity:
    """State machine of an allocation. A Put starts a preparation, then units are allocated at 6,000 per minute. The added units
    become available together; units available before stay so. A decrease is immediate. Instants are in milliseconds.
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
        """Whether the qualifier has a configuration."""
        return self.requested > 0

    def put(self, units: int, at: int, preparation: int, *, init_fails: bool) -> None:
        """Request `units` (1 or more) at `at`; `preparation` in milliseconds. A repeated request during its allocation changes
        nothing.
        """
        self.settle(at)
        if self.status is Status.IN_PROGRESS and units == self.requested:
            return
        self.requested, self.modified, self.status_reason = units, at, None
        self.meter.configure(units, at)
        if units <= self.available:
            self._make_available(units, at)
        else:
            self._allocate(units - self.available, at, preparation, init_fails)

    def move(self, at: int, preparation: int, *, init_fails: bool) -> None:
        """Allocate all units again for another version, while the units of the old version stay available."""
        self._allocate(self.requested, at, preparation, init_fails)

    def delete(self, at: int) -> None:
        """Remove all units at `at`."""
        self.settle(at)
        self.requested, self.modified, self.status_reason = 0, at, None
        self.meter.configure(0, at)
        self._make_available(0, at)

    def settle(self, at: int) -> None:
        """Complete or fail the allocation if it is due by `at`."""
        if self.status is not Status.IN_PROGRESS or at < self._ready_at:
            return
        if self._will_fail:
            self.status, self.status_reason = Status.FAILED, INIT_FAILURE
            self.meter.configure(self.available, self._ready_at, charged=False)
        else:
            self._make_available(self.requested, self._ready_at)

    def allocated(self, at: int) -> int:
        """Return the units allocated at `at`, including those not available yet."""
        if self.status is not Status.IN_PROGRESS:
            return self.available
        grown = max(0, at - self._allocates_from) * UNITS_PER_MINUTE // MINUTE_MS
        return min(self.requested, self.available + grown)

    def _allocate(self, units: int, at: int, preparation: int, init_fails: bool) -> None:
        self.status, self._will_fail = Status.IN_PROGRESS, init_fails
        self._allocates_from = at + preparation
        self._ready_at = self._allocates_from + -(-units * MINUTE_MS // UNITS_PER_MINUTE)

    def _make_available(self, units: int, at: int) -> None:
        self.available, self.status = units, Status.READY
        self.meter.ready(units, at)
