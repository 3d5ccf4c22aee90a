"""Billed duration of units where a provider bills in steps. Pure.

AWS bills provisioned concurrency from the request that adds a unit to the request that removes it, rounded up to 5 min. It does
not document how that applies to a part of the units. Assumption: the units that were added last are removed first, and the
duration of each unit is rounded up separately.
"""

from datetime import timedelta
from typing import TypeVar

At = TypeVar("At")
Span = TypeVar("Span", int, timedelta)
Layers = list[tuple[At, int]]
"""Time at which units were added, and their number, oldest first."""


def change(layers: Layers[At], units: int, at: At) -> Layers[At]:
    """Set the sum of `layers` to `units` at time `at`, in place, and return the units removed, newest first."""
    removed: Layers[At] = []
    surplus = sum(count for _, count in layers) - units
    if surplus < 0:
        layers.append((at, -surplus))
    while surplus > 0 and layers:
        since, count = layers.pop()
        gone = min(count, surplus)
        if count > gone:
            layers.append((since, count - gone))
        removed.append((since, gone))
        surplus -= gone
    return removed


def rest(span: Span, step: Span) -> Span:
    """Return how much longer a unit is billed that is removed after `span`."""
    return -span % step
