"""Cold starts of settled minutes that happen because a round of pings holds units, for many pools minute by minute. Pure."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from controller.accounting.minute_bill import Amounts
from controller.decision.costs.cost_model import CostTerms, Pings
from controller.decision.costs.ping_rounds import BUSY_MINUTES, Minute, during_rounds
from forecasting.demand import Floats

RECENT = 64
"""Minutes of demand that are kept; a longer pause or metric delay counts as this."""


class Work(NamedTuple):
    """Work of users in a minute: average units in use, and requests. float64[pools] each, 0 where unknown."""

    busy: Amounts
    requests: Amounts


class PingedMinutes:
    """Recent demand of the pools of one ledger. Without a pool that is pinged nothing is kept."""

    def __init__(self, pools: int) -> None:
        self._peak, self._busy = np.zeros((pools, RECENT)), np.zeros((pools, RECENT))
        self._minute = 0

    def advance(self, peak: Floats | Amounts, work: Work, ready: Amounts, warm: Amounts, terms: Sequence[CostTerms]) -> Amounts:
        """Add the demand of the next minute and return its expected cold starts: float64[pools].

        `peak`: NaN where unknown. `ready`: pinged units; `warm`: units that were warm before the minute.
        """
        expected = np.zeros(len(peak))
        groups: dict[tuple[Pings, int, int], list[int]] = {}
        for row, each in enumerate(terms):
            if each.pings is not None:
                groups.setdefault((each.pings, each.keep_alive, each.metric_delay), []).append(row)
        if not groups:
            return expected
        self._peak[:, self._minute % RECENT] = np.nan_to_num(peak)
        self._busy[:, self._minute % RECENT] = work.busy
        for (pings, keep_alive, delay), rows in groups.items():
            recent = self._peak[rows][:, self._last(round(1 / pings.a_minute), 0)].max(axis=1)
            always = np.floor(self._busy[rows][:, self._last(BUSY_MINUTES, min(delay, RECENT - BUSY_MINUTES))].min(axis=1))
            units = always, recent, ready[rows], np.maximum(warm[rows], ready[rows])
            expected[rows] = during_rounds(Minute(work.requests[rows], work.busy[rows], *units), float(keep_alive), pings)
        self._minute += 1
        return expected

    def _last(self, minutes: int, before: int) -> NDArray[np.int64]:
        """Return the columns of `minutes` minutes, of which the newest is `before` minutes old."""
        return (self._minute - before - np.arange(min(minutes, RECENT))) % RECENT
