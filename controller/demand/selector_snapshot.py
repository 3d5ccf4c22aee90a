"""What a chooser has learned, as one file: so that a start need not replay a fortnight.

The state of the objects that choose is arrays and whole numbers. They are found by walking attributes, so that no list of
names must be kept in step. A snapshot fits only the same pools and the same code: anything else is as good as none, and
history is replayed.
"""

import hashlib
import zipfile
from collections.abc import Iterable, Mapping
from contextlib import suppress
from importlib.resources import files
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from adapters.runtime.files import whole_file

Arrays = dict[str, NDArray[np.generic]]
OURS = "controller."
NONE = int(np.iinfo(np.int64).min)
"""Stands for None in the place of a whole number."""

KEY = "fingerprint"

LEARNING = ("controller.decision", "controller.demand", "forecasting")
"""Packages whose code is part of what was learned: other code does not fit a stored snapshot."""


def fingerprint(pools: Iterable[str]) -> str:
    """What a snapshot shares with the chooser that may take it up: the pools in their order, and every line that decides."""
    digest = hashlib.sha256(repr(tuple(pools)).encode())
    for package in LEARNING:
        for source in sorted(Path(str(files(package))).rglob("*.py")):
            digest.update(source.read_bytes())
    return digest.hexdigest()


def gathered(thing: object, path: str = "") -> Arrays:
    """Copies of the state of `thing` and of what it is made of, by path."""
    found: Arrays = {}
    for place, inner in parts(thing, path):
        if inner is None or isinstance(inner, int):
            found[place] = np.array(NONE if inner is None else inner, np.int64)
        elif isinstance(inner, np.ndarray):
            found[place] = inner.copy()
        elif isinstance(inner, dict):
            found |= {f"{place}/{name}": value.copy() for name, value in inner.items() if isinstance(value, np.ndarray)}
        else:
            found |= gathered(inner, place)
    return found


def scattered(thing: object, arrays: Mapping[str, NDArray[np.generic]], path: str = "") -> None:
    """Put a state back where `gathered` found it. `KeyError` or `ValueError`: it is of something else, and `thing` is spoilt."""
    for place, inner in parts(thing, path):
        name = place.rpartition("/")[2]
        if inner is None or isinstance(inner, int):
            value = int(arrays[place])
            setattr(thing, name, None if value == NONE else value)
        elif isinstance(inner, np.ndarray):
            if (inner.dtype, inner.ndim) != (arrays[place].dtype, arrays[place].ndim):
                raise ValueError(f"{place} is {arrays[place].dtype}[{arrays[place].ndim}], not {inner.dtype}[{inner.ndim}]")
            setattr(thing, name, arrays[place].copy())
        elif isinstance(inner, dict):
            inner.update({key.removeprefix(f"{place}/"): value.copy() for key, value in arrays.items()
                          if key.startswith(f"{place}/")})
        else:
            scattered(inner, arrays, place)


def parts(thing: object, path: str) -> list[tuple[str, object]]:
    """The attributes of one of our objects, or the items of a sequence, that may hold state."""
    if isinstance(thing, list | tuple):
        return [(f"{path}/{at}", inner) for at, inner in enumerate(thing) if not isinstance(inner, np.ndarray | int | None)]
    if type(thing).__module__.startswith(OURS) and hasattr(thing, "__dict__"):
        return [(f"{path}/{name}", inner) for name, inner in vars(thing).items() if not isinstance(inner, bool)]
    return []


def save(path: Path, key: str, arrays: Arrays) -> None:
    """Write the file whole or not at all; what did not fit takes no place on a full disk."""
    with whole_file(path, private=True) as file:
        np.savez(file, **{KEY: np.array(key)}, **arrays)  # type: ignore[arg-type]


def load(path: Path, key: str) -> Arrays | None:
    """The arrays of a file that fits; None when there is none, it is of something else, or it is broken."""
    with suppress(OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile), path.open("rb") as stream:
        file = np.load(stream, allow_pickle=False)
        if str(file[KEY]) == key:
            return {name: file[name] for name in file.files if name != KEY}
    return None
