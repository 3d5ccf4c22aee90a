"""What each candidate would have cost so far: its capacity replayed over demand as it came. Pure.

Demand is observed whatever capacity there was, so the bill of every rule over the past is known exactly, not only that of
the rule that was followed. Bills are kept as three amounts, so that another price needs no other past: unit-minutes ready (and
paid for), unit-minutes of work on warm units, and cold starts, summed by quarter of an hour and discounted by age.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from controller.decision.costs.on_demand_warmth import in_use, started
from controller.decision.selection.provisional_scores import copied

QUARTER = 15
HALF_LIFE_MINUTES = 4 * 1440
DECAY = 0.5 ** (QUARTER / HALF_LIFE_MINUTES)
GRAIN = 1024
"""Work is counted in 1/1024 unit-minutes: sums of whole numbers are the same in whatever order they are added."""

Units = NDArray[np.float32]
Amounts = NDArray[np.float64]


class CandidateScores:
    """Amounts of `rules` rules over `pools` pools that share their timing, in whole minutes."""

    def __init__(self, rules: int, pools: int, metric_delay: int, lead_time: int, keep_alive: int, billing_step: int = 0,
                 stay_warm: bool = False) -> None:
        self._lead = lead_time
        self._asked = np.zeros((metric_delay + lead_time, rules, pools), np.float32)
        self._ready = np.zeros((max(0, billing_step - 1), rules, pools), np.float32)
        self._used = np.zeros((keep_alive, rules, pools), np.float32)
        self._stay_warm = stay_warm
        self._quarter = np.zeros((3, rules, pools), np.float64)
        self._requests_now = np.zeros(pools, np.float64)
        self.requests = np.zeros(pools, np.float64)
        """Discounted float64[pools], by the same age."""
        self.amounts = np.zeros((3, rules, pools), np.float64)
        """Discounted float64[ready | warm work | cold starts, rules, pools] up to the last whole quarter."""

    def part(self, pools: NDArray[np.int64]) -> "CandidateScores":
        """Return a judge of some of the pools, which shares nothing with this one."""
        return copied(self, {name: value[..., pools] for name, value in vars(self).items() if isinstance(value, np.ndarray)})

    def close_quarter(self) -> None:
        """Take the quarter that has ended into the account."""
        self.amounts *= DECAY
        self.amounts += self._quarter
        self._quarter[:] = 0
        self.requests = self.requests * DECAY + self._requests_now
        self._requests_now[:] = 0

    def add(self, asked: Units, peak: Units, busy: Units, requests: Units) -> None:
        """Replay n minutes within one quarter.

        `asked`: float32[n, rules, pools], what is proposed after each minute. `peak`, `busy`,
        `requests`: float32[n, pools], what came in it; NaN where unknown, which costs nothing.
        """
        count, keep = len(peak), len(self._used)
        asked = np.concatenate((self._asked, asked))
        ready = folded(np.minimum, asked, count, self._lead + 1)
        known = ~np.isnan(peak)
        peak = np.where(known, np.ceil(peak), 0).astype(np.float32)
        work = np.where(known, np.minimum(np.round(np.nan_to_num(busy) * GRAIN) / GRAIN, peak), 0).astype(np.float32)
        used = self._in_use(peak, ready, known)
        before = folded(np.maximum, used, count, keep) if keep else np.zeros_like(ready)
        cold = started(used[keep:], before, ready, self._stay_warm)
        self._requests_now += np.where(known, np.round(np.nan_to_num(requests) * GRAIN) / GRAIN, 0).sum(axis=0, dtype=np.float64)
        paid, self._ready = paid_for(self._ready, ready)
        for at in range(count):
            self._quarter[0] += paid[at] * known[at]
            self._quarter[1] += np.minimum(ready[at], work[at])
            self._quarter[2] += cold[at]  # none where demand is unknown: what is warm stays warm
        self._asked, self._used = asked[count:], used[count:]

    def _in_use(self, peak: Units, ready: Units, known: NDArray[np.bool_]) -> Units:
        """Units that stay warm after each minute, those of the keep-alive before them first. Unknown minutes keep warm what was
        warm before.
        """
        keep, used = len(self._used), np.concatenate((self._used, in_use(peak[:, None], ready, self._stay_warm)))
        for at in np.flatnonzero(~known.all(axis=1)) if keep else ():
            gone = ~known[at]
            used[keep + at][:, gone] = np.maximum(used[keep + at][:, gone], used[at : at + keep][:, :, gone].max(axis=0))
        return used


def paid_for(before: Units, ready: Units) -> tuple[Units, Units]:
    """Units paid for in each minute: the most that was ready within the billing step; and what the next call needs of them.

    `before`: the minutes of a billing step that precede `ready`, none where billing has no steps.
    """
    steps = len(before)
    if not steps:
        return ready, before
    whole = np.concatenate((before, ready))
    return folded(np.maximum, whole, len(ready), steps + 1), whole[len(ready) :]


def folded(fold: Callable[..., Units], values: Units, count: int, span: int) -> Units:
    """`fold` (minimum or maximum) over each of `count` windows of `span` rows, the first of which begins with row 0."""
    out = values[:count].copy()
    for later in range(1, span):
        fold(out, values[later : later + count], out=out)
    return out
