"""How long units are paid for where a provider bills in steps. Pure.

AWS bills provisioned concurrency from the request that adds a unit to the request that removes it, rounded up to five minutes. It
does not document how that applies to a part of the units. The assumption here: the units that were added last are removed first,
and the span of each unit is rounded up by itself.
"""

from datetime import timedelta
from typing import TypeVar

At = TypeVar("At")
Span = TypeVar("Span", int, timedelta)
Layers = list[tuple[At, int]]
"""When units were added, and how many, the oldest first."""


def change(layers: Layers[At], units: int, at: At) -> Layers[At]:
    """Return the units that are removed as the sum of `layers` becomes `units` at `at`, the newest first. Updates `layers`."""
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
    """How much longer a unit is paid for that is removed after `span`."""
    return -span % step
