"""Cold starts of settled minutes that happen because a round of pings holds units, for many pools minute by minute. Pure."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from controller.accounting.minute_bill import Amounts
from controller.decision.costs.cost_model import CostTerms, Pings
from controller.decision.costs.ping_rounds import Minutes, during_rounds
from forecasting.demand import Floats

RECENT = 72
"""Minutes that are kept. A longer pause, metric delay or keep-alive counts as this."""


class Work(NamedTuple):
    """Work of users in a minute: average units in use, and requests. float64[pools] each, 0 where unknown."""

    busy: Amounts
    requests: Amounts


class PingedMinutes:
    """Recent minutes of the pools of one ledger. Without a pool that is pinged nothing is kept."""

    def __init__(self, pools: int) -> None:
        self._recent = np.zeros((len(Minutes._fields), pools, RECENT))
        """Fields of `Minutes` by pool, the newest minute last."""

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
        self._recent[..., :-1] = self._recent[..., 1:]
        self._recent[..., -1] = np.nan_to_num(peak), work.busy, work.requests, ready, np.maximum(warm, ready)
        for (pings, keep_alive, delay), rows in groups.items():
            minutes = Minutes(*self._recent[:, rows])
            expected[rows] = during_rounds(minutes, min(keep_alive, RECENT), min(delay, RECENT), pings)[:, -1]
        return expected
