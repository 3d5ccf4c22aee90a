"""Kinds of figures: actual, of what the provider has and did; simulated, of what a pool in shadow mode would have had. Pure.

The two are never in one sum. Keys of figures start with their kind.
"""

from typing import Literal

Mode = Literal["active", "shadow"]
Kind = Literal["actual", "simulated"]

KINDS: tuple[Kind, ...] = ("actual", "simulated")

KIND_OF_MODE: dict[Mode, Kind] = {"active": "actual", "shadow": "simulated"}
"""Kind of the accounts of a pool, and of the capacity that its plans read."""
