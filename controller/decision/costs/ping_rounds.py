"""Cold starts of users' requests that arrive while a round of pings holds the warm units. Pure.

A round sends one ping alone, which is not held, then a burst of one ping per unit, without units that users keep busy all the
time. A single unit needs no burst. A request that arrives while the burst holds all idle units starts another unit. A round
cannot prevent this where the provider uses the most recently used unit first: it must hold all others to reach the last one. A
request finds a unit nevertheless if there are warm units beyond those of the burst: units that users left behind within the
keep-alive, and units that earlier rounds made necessary.

Assumptions: rounds start independently of requests; requests of a minute arrive independently of each other, so both their number
in a burst and the units in use when it starts have a Poisson distribution. While users have all pinged units in use within a
pause, no round runs.
"""

import math
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from adapters.ports.lever import PingRounds
from controller.decision.costs.cost_model import MINUTE_SECONDS, Pings

Amounts = NDArray[np.float64]

NEGLIGIBLE = 1e-9
"""Probability below which a number of units in use is not calculated."""

MOST = 700.0
"""Highest mean number of units in use with arrivals; above it the share of arrivals that start cold is not calculated (0)."""

BUSY_MINUTES = 3
"""Minutes of which the least busy one gives the units that a burst leaves out."""


STEPS = 8
"""Steps per factor of 2 in which a measured hold is used: pools with equal pings are calculated together."""

PAUSE_STEP = timedelta(seconds=30)
"""Step in which a measured pause is used."""


class Minutes(NamedTuple):
    """Demand and units of minutes in order: float64[..., n] each, without NaN.

    `peak`: maximum of units in use; `busy`: their average; `requests` of users; `ready`: pinged units; `warm`: units that were
    warm before the minute because of pings, or of use within the keep-alive.
    """

    peak: Amounts
    busy: Amounts
    requests: Amounts
    ready: Amounts
    warm: Amounts


def measured(pings: Pings, seen: PingRounds) -> Pings:
    """Return `pings` with the pause and the hold of the rounds that run, to the nearest step."""
    hold, pause = max(0.001, seen.hold.total_seconds()), max(1, round(seen.pause / PAUSE_STEP)) * PAUSE_STEP
    return replace(pings, a_minute=timedelta(minutes=1) / pause, seconds=2.0 ** (round(STEPS * math.log2(hold)) / STEPS))


def during_rounds(minutes: Minutes, keep_alive: int, metric_delay: int, pings: Pings) -> Amounts:
    """Return the expected cold starts of each minute that happen because a round holds units. Durations in minutes."""
    peak, busy, requests, ready, warm = minutes
    in_use = trailing(peak, round(1 / pings.a_minute), np.maximum)
    runs = np.where((ready > 1) & (in_use < ready), pings.a_minute, 0.0)
    left_out = earlier(np.floor(trailing(busy, BUSY_MINUTES, np.minimum)), metric_delay)
    spare = np.maximum(warm - ready, 0.0) + left_out
    arrivals = requests / MINUTE_SECONDS * pings.seconds
    both = np.where(busy + arrivals <= MOST, busy + arrivals, 0.0)
    rounds = Rounds(np.where(busy + arrivals <= MOST, busy, 0.0), both, runs, keep_alive)
    return runs * rounds.cold_starts(spare)


def minutes_before(keep_alive: int, metric_delay: int, pings: Pings) -> int:
    """Return the number of minutes, including the last, on which the result of `during_rounds` for the last one depends."""
    return max(keep_alive + max(1, round(1 / pings.a_minute)), metric_delay + BUSY_MINUTES)


class Rounds(NamedTuple):
    """Rounds of minutes in order: float64[..., n] each. `before`, `both`: mean units in use before a burst, and with the requests
    that arrive during it; `runs`: rounds in the minute; `keep_alive` in minutes.
    """

    before: Amounts
    both: Amounts
    runs: Amounts
    keep_alive: int

    def cold_starts(self, spare: Amounts) -> Amounts:
        """Return the expected number of requests that find no warm unit in a burst. `spare`: warm units that it does not hold.

        With `b` units in use before a burst and `X` with the arrivals, `(X - K)+ - (b - K)+` requests start cold, where `K` is
        the maximum of the spare units and of the `X` of the rounds within the keep-alive before. Its mean is the sum over `n`,
        from the spare units on, of `P(X > n) - P(b > n)` times the probability that no earlier `X` is above `n`.
        """
        exactly, exactly_before, number = np.exp(-self.both), np.exp(-self.before), 0
        at_most, at_most_before, expected = exactly.copy(), exactly_before.copy(), np.zeros_like(self.both)
        while (1 - at_most).max(initial=0.0) > NEGLIGIBLE:
            first = (at_most_before - at_most) * np.exp(before_sum(self.runs * np.log(at_most), self.keep_alive))
            expected += np.where(number >= spare, first, 0.0)
            number += 1
            exactly, exactly_before = exactly * self.both / number, exactly_before * self.before / number
            at_most, at_most_before = np.minimum(at_most + exactly, 1.0), np.minimum(at_most_before + exactly_before, 1.0)
        return expected


def trailing(values: Amounts, minutes: int, combine: Callable[[Amounts, Amounts], Amounts]) -> Amounts:
    """Return `combine` (maximum or minimum) of the last `minutes` values, including this one, by doubling."""
    out, reach = values.copy(), 1
    while reach < minutes:
        step = min(reach, minutes - reach)
        out[..., step:] = combine(out[..., step:], out[..., :-step])
        reach += step
    return out


def earlier(values: Amounts, minutes: int) -> Amounts:
    """Return `values` as they were `minutes` before; 0 before the first."""
    out = np.zeros_like(values)
    out[..., minutes:] = values[..., : max(0, values.shape[-1] - minutes)]
    return out


def before_sum(values: Amounts, minutes: int) -> Amounts:
    """Return the sum of the `minutes` values before each."""
    sums = np.cumsum(values, axis=-1)
    return earlier(sums, 1) - earlier(sums, minutes + 1)
