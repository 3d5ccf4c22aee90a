"""Sums over the pools of one mode, for `/status`."""

from collections.abc import Mapping
from operator import itemgetter
from typing import Any

import numpy as np

from controller.accounting.figures import ADDED
from controller.decision.costs.kinds import Kind
from controller.decision.costs.sentences import bill_sentence

NAMES = ("requested", "ready", "busy", "usd_per_hour", *ADDED)
UNITS = ("requested", "ready")
PROJECTED = NAMES.index("bill_projected_month_usd")


class Totals:
    """Sums of the entries of pools, of one kind: actual figures of active pools, or simulated figures of pools in shadow mode."""

    def __init__(self, kind: Kind) -> None:
        self._kind = kind
        self._values = itemgetter(*(name if name == "busy" else f"{kind}_{name}" for name in NAMES))
        self._figures = itemgetter(*(f"{kind}_{name}" for name in ADDED))
        self._rows: list[tuple[float | None, ...]] = []
        self._earlier: list[tuple[float | None, ...]] = []
        self._pinged: dict[str, int] = dict.fromkeys(UNITS, 0)

    def add(self, entry: Mapping[str, Any]) -> None:
        """Add the entry of a pool whose present mode has this kind."""
        self._rows.append(self._values(entry))
        if (pings := entry.get("pings")) is not None:
            for name in UNITS:
                self._pinged[name] += pings[f"{self._kind}_{name}"] or 0

    def add_earlier(self, entry: Mapping[str, Any]) -> None:
        """Add the figures of this kind of a pool that was in that mode earlier this month."""
        self._earlier.append(self._figures(entry))

    def entry(self) -> dict[str, Any]:
        """Return the sums, and what they say of today in a sentence. A projection is None while that of any pool is unknown."""
        rows = np.array(self._rows, np.float64).reshape(-1, len(NAMES))
        earlier = np.array(self._earlier, np.float64).reshape(-1, len(ADDED))
        totals = np.nansum(rows, axis=0)
        totals[-len(ADDED):] += np.nansum(earlier, axis=0)
        sums: dict[str, Any] = dict(zip(NAMES, np.round(totals, 6).tolist(), strict=True))
        sums |= {name: int(sums[name]) for name in UNITS} | {f"pinged_{name}": units for name, units in self._pinged.items()}
        if np.isnan(rows[:, PROJECTED]).any():
            sums["bill_projected_month_usd"] = None
        sentence = bill_sentence(sums["bill_today_usd"], sums["bill_without_stoker_today_usd"], sums["cold_starts_today"],
                                 sums["cold_starts_without_stoker_today"], simulated=self._kind == "simulated")
        return {"pools": len(self._rows), **sums, "sentence": sentence}
