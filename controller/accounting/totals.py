"""Sums over the pools of one mode, for `/status`."""

from collections.abc import Mapping
from typing import Any

from controller.accounting.figures import ADDED
from controller.decision.costs.kinds import Kind
from controller.decision.costs.sentences import bill_sentence

UNITS = ("requested", "ready")


class Totals:
    """Sums of the entries of pools, of one kind: actual figures of active pools, or simulated figures of pools in shadow mode."""

    def __init__(self, kind: Kind) -> None:
        self._kind, self._mode = kind, "active" if kind == "actual" else "shadow"
        self._keys = tuple((name, f"{kind}_{name}") for name in (*ADDED, "usd_per_hour"))
        self._pools, self._busy = 0, 0.0
        self._units = dict.fromkeys(UNITS, 0)
        self._sums = {name: 0.0 for name, _ in self._keys}
        self._unknown = set[str]()

    def add(self, entry: Mapping[str, Any]) -> None:
        """Add the figures of this kind in the entry of a pool."""
        sums = self._sums
        if entry["mode"] == self._mode:
            self._pools += 1
            self._busy += entry["busy"] or 0.0
            for name in UNITS:
                self._units[name] += entry[f"{self._kind}_{name}"] or 0
        elif f"{self._kind}_bill_month_usd" not in entry:
            return
        for name, key in self._keys:
            if (value := entry.get(key)) is not None:
                sums[name] += value
            elif name == "bill_projected_month_usd" and entry["mode"] == self._mode:
                self._unknown.add(name)

    def entry(self) -> dict[str, Any]:
        """Return the sums, and what they say of today in a sentence. A projection is None while that of any pool is unknown."""
        sums = {name: None if name in self._unknown else round(value, 6) for name, value in self._sums.items()}
        return {"pools": self._pools, **self._units, "busy": round(self._busy, 6), **sums, "sentence": self.sentence()}

    def sentence(self) -> str:
        """Return what Stoker changed today, or would have changed."""
        sums = self._sums
        return bill_sentence(sums["bill_today_usd"], sums["bill_without_stoker_today_usd"], sums["cold_starts_today"],
                             sums["cold_starts_without_stoker_today"], simulated=self._kind == "simulated")
