"""Figures of all pools by kind, computed once for each change of the ledger."""

from typing import NamedTuple
from weakref import WeakKeyDictionary

import numpy as np

from controller.accounting.figures import FIGURES, Figures, figures
from controller.accounting.ledger import GroupLedger, Ledger
from controller.decision.costs.kinds import KIND_OF_MODE, KINDS

KEYS = {kind: tuple(f"{kind}_{name}" for name in FIGURES) for kind in KINDS}
"""Keys of the figures by kind, in the order of `FIGURES`."""


class Computed(NamedTuple):
    """Figures of the pools of a group, and the state of the ledger that they are of."""

    changes: int
    rows: list[Figures]


class ShownFigures:
    """Figures of a ledger under the keys of `/status`."""

    def __init__(self, accounts: Ledger) -> None:
        self._accounts = accounts
        self._computed = WeakKeyDictionary[GroupLedger, Computed]()

    def entry(self, name: str) -> dict[str, object]:
        """Return the figures of a pool: in its present mode, and in the other if it was in that one this month."""
        group, mode = self._accounts.group_of(name), self._accounts.modes[name]
        entry: dict[str, object] = dict(zip(KEYS[KIND_OF_MODE[mode]], self._rows(group)[group.row[name]], strict=True))
        for other, (today, month) in self._accounts.earlier(name).items():
            [row] = figures(np.array([today]), np.array([month]), group.day)
            entry |= dict(zip(KEYS[KIND_OF_MODE[other]], row, strict=True))
        return entry

    def _rows(self, group: GroupLedger) -> list[Figures]:
        computed = self._computed.get(group)
        if computed is None or computed.changes != group.changes:
            computed = Computed(group.changes, figures(group.today, group.month, group.day))
            self._computed[group] = computed
        return computed.rows
