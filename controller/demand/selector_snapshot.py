"""Snapshot of what a proposer has learned, as one file, so that a start need not replay 14 days of history.

A snapshot fits the same pools and the same code only. Any other one is ignored, and history is replayed.
"""

import hashlib
import zipfile
from collections.abc import Iterable
from contextlib import suppress
from functools import cache
from importlib.resources import files
from pathlib import Path

import numpy as np

from adapters.runtime.files import whole_file
from controller.decision.selection.learned_state import Arrays

KEY = "fingerprint"

LEARNING = ("controller.decision", "controller.demand", "forecasting")
"""Packages whose code decides what is learned: a snapshot of other code does not fit."""


def fingerprint(pools: Iterable[str]) -> str:
    """Return a digest of the pools in their order, and of all code that decides what is learned."""
    return hashlib.sha256(repr(tuple(pools)).encode() + code_digest()).hexdigest()


@cache
def code_digest() -> bytes:
    """Return a digest of the code in `LEARNING`, read once: later changes of the files do not change what this process runs."""
    digest = hashlib.sha256()
    for package in LEARNING:
        for source in sorted(Path(str(files(package))).rglob("*.py")):
            digest.update(source.read_bytes())
    return digest.digest()


def save(path: Path, key: str, arrays: Arrays) -> None:
    """Write the file completely or not at all; on a full disk, no part of it is left."""
    with whole_file(path, private=True) as file:
        np.savez(file, **{KEY: np.array(key)}, **arrays)  # type: ignore[arg-type]


def load(path: Path, key: str) -> Arrays | None:
    """Return the arrays of the file; None if it does not exist, its fingerprint differs from `key`, or it is damaged."""
    with suppress(OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile), path.open("rb") as stream:
        file = np.load(stream, allow_pickle=False)
        if str(file[KEY]) == key:
            return {name: file[name] for name in file.files if name != KEY}
    return None
