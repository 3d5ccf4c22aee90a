"""What is known of a pool's capacity: the provider's, and in shadow mode also the simulated one. Which pools to read next."""

import heapq
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from adapters.ports.lever import Capacity
from adapters.simulated import ShadowLever
from controller.fleet.reconciler import Reconciler


class Readings(NamedTuple):
    """Last readings of a pool; None while unknown. `actual`: what the provider reported. `simulated`: what there would be if the
    plans of a pool in shadow mode had been carried out; None in active mode.
    """

    actual: Capacity | None
    simulated: Capacity | None


def readings_of(reconciler: Reconciler) -> Readings:
    """Return the last readings of a pool."""
    lever, capacity = reconciler.lever, reconciler.capacity
    return Readings(lever.real if isinstance(lever, ShadowLever) else capacity,
                    capacity if reconciler.policy.mode == "shadow" else None)


def readings_body(reconciler: Reconciler) -> dict[str, Any] | None:
    """Return the last readings as JSON values under the keys of their kinds; None while capacity is unknown."""
    actual, simulated = readings_of(reconciler)
    if actual is None:
        return None
    body = {"actual_requested": actual.requested, "actual_ready": actual.ready, "observed_at": actual.observed_at.isoformat()}
    return body if simulated is None else body | {"simulated_requested": simulated.requested, "simulated_ready": simulated.ready}


def due_readings(reconcilers: Mapping[str, Reconciler], names: Sequence[str], most: int, now: datetime) -> set[str]:
    """Return up to `most` pools whose capacity is read in this tick: pending changes first, then the oldest reading."""
    due = [name for name in names if reconcilers[name].read_due(now)]
    if len(due) > most:
        due = heapq.nsmallest(most, due, key=lambda name: reconcilers[name].read_priority)
    return set(due)
