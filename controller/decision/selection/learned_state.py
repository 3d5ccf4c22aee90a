"""Learned state as named arrays, for a snapshot. Pure.

A class that learns has `state()`, which returns its arrays by name without a copy, and `restore(state)`, which sets them from
copies. An object made up of such objects puts a prefix before the names of each.
"""

from collections.abc import Mapping
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.generic]
Arrays = dict[str, Array]
State = Mapping[str, Array]
T = TypeVar("T", bound=np.generic)


def prefixed(**parts: State) -> Arrays:
    """Return the arrays of all parts: the array `name` of the part `part` is named `part/name`."""
    return {f"{part}/{name}": array for part, state in parts.items() for name, array in state.items()}


def part_of(state: State, part: str) -> Arrays:
    """Return the arrays of one part by the names that they have within it."""
    return {name.removeprefix(f"{part}/"): array for name, array in state.items() if name.startswith(f"{part}/")}


def restored(state: State, name: str, current: NDArray[T]) -> NDArray[T]:
    """Return a copy of the array `name`. Raise KeyError without one, ValueError unless it has the shape and type of `current`."""
    array = state[name]
    if (array.dtype, array.shape) != (current.dtype, current.shape):
        raise ValueError(f"{name} is {array.dtype}{list(array.shape)}, not {current.dtype}{list(current.shape)}")
    return np.array(array, current.dtype, order="C")


def minute_state(minute: int | None) -> Arrays:
    """Return the state of a minute since the epoch: no array for None."""
    return {} if minute is None else {"minute": np.array(minute, np.int64)}


def restored_minute(state: State) -> int | None:
    """Return the minute of which `minute_state` returned the state."""
    return int(state["minute"]) if "minute" in state else None
