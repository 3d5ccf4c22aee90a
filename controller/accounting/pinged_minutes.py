"""Cold starts of settled minutes that happen because a round of pings holds units, for many pools minute by minute. Pure."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from controller.accounting.minute_bill import Amounts, Units
from controller.decision.costs.cold_starts import Warm
from controller.decision.costs.cost_model import CostTerms, Pings
from controller.decision.costs.ping_rounds import Minutes, during_rounds, minutes_before
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
        self._warm = Warm(pools)
        """Units that are warm because of rounds, or of use within the keep-alive."""

    def note(self, peak: Floats | Amounts, work: Work, units: Units, terms: Sequence[CostTerms]) -> None:
        """Add the next minute. `peak`: float[pools], NaN where unknown."""
        if all(rounds_of(each) is None for each in terms):
            return
        held = held_units(units, terms)
        self._warm.advance(peak, held, held, np.array([each.keep_alive for each in terms], np.float64))
        self._recent[..., :-1] = self._recent[..., 1:]
        self._recent[..., -1] = np.nan_to_num(peak), work.busy, work.requests, held, self._warm.before

    def expected(self, terms: Sequence[CostTerms]) -> Amounts:
        """Return the expected cold starts of the newest minute: float64[pools]."""
        expected = np.zeros(len(terms))
        groups: dict[tuple[Pings, int, int], list[int]] = {}
        for row, each in enumerate(terms):
            if (pings := rounds_of(each)) is not None:
                groups.setdefault((pings, each.keep_alive, each.metric_delay), []).append(row)
        for (pings, keep_alive, delay), rows in groups.items():
            minutes = Minutes(*self._recent[:, rows, -minutes_before(keep_alive, delay, pings):])
            expected[rows] = during_rounds(minutes, min(keep_alive, RECENT), min(delay, RECENT), pings)[:, -1]
        return expected


def rounds_of(terms: CostTerms) -> Pings | None:
    """Return the rounds of a pool: those of its lever, or of the layer above it; None without pings."""
    return terms.pings if terms.top is None else terms.top.pings


def held_units(units: Units, terms: Sequence[CostTerms]) -> Amounts:
    """Return the units that a round holds: those of the lever; of a pool with two layers those of both, 0 without pinged ones.

    A provider assigns provisioned units first, so a round above them has to hold them too.
    """
    layered = np.array([each.top is not None for each in terms], bool)
    return np.where(layered & (units.pinged == 0), 0.0, units.warm)
