"""Cold starts of users' requests that arrive while a round of pings holds the warm units. Pure.

A round sends one ping alone, then a burst of one ping per unit, without units that users keep busy all the time. A request that
arrives while the burst holds all idle units starts another unit. Nothing can prevent this: a provider assigns idle units one by
one, so a round must hold all others to reach the last one. A request finds a unit nevertheless if there are warm units beyond
those of the burst: units that users left behind within the keep-alive, and units that earlier rounds made necessary.

Assumptions: rounds start independently of requests; requests arrive independently of each other, so both their number in a burst
and the units in use when it starts have a Poisson distribution. While users have all pinged units in use within a pause, no round
runs.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from controller.decision.costs.cost_model import MINUTE_SECONDS, Pings

Amounts = NDArray[np.float64]

NEGLIGIBLE = 1e-9
"""Probability below which a number of units in use is not calculated."""

MOST = 700.0
"""Highest mean number of units in use with arrivals; above it the share of arrivals that start cold is not calculated (0)."""

BUSY_MINUTES = 3
"""Minutes of which the least busy one gives the units that a burst leaves out."""


class Minute(NamedTuple):
    """Demand and units of minutes, or of pools in one minute: float64 each, of one shape, without NaN.

    `requests` of users and average units `busy` with them; `always_busy`: units that a burst leaves out because users kept them
    busy; `recent_peak`: maximum of units in use within the last pause; `ready`: pinged units; `warm`: units that are warm because
    of pings, or of use within the keep-alive.
    """

    requests: Amounts
    busy: Amounts
    always_busy: Amounts
    recent_peak: Amounts
    ready: Amounts
    warm: Amounts


def during_rounds(minute: Minute, keep_alive: Amounts | float, pings: Pings) -> Amounts:
    """Return the expected cold starts of each minute that happen because a round holds units. `keep_alive` in minutes."""
    arrivals, rounds = minute.requests / MINUTE_SECONDS * pings.seconds, keep_alive * pings.a_minute
    spare = np.maximum(minute.warm - minute.ready, 0.0) + minute.always_busy
    alone = spare + np.maximum(minute.ready - minute.always_busy - 1, 0)
    stopped = -np.expm1(-minute.ready / pings.a_minute / pings.lasting_minutes)  # then a second burst follows
    expected = (1 + stopped) * of_burst(arrivals, minute.busy, spare, rounds) + of_burst(arrivals, minute.busy, alone, rounds)
    runs = (minute.ready > 0) & (minute.recent_peak < minute.ready)
    return np.where(runs, pings.a_minute * expected, 0.0)


def of_burst(arrivals: Amounts, busy: Amounts, spare: Amounts, rounds: Amounts | float) -> Amounts:
    """Return the expected number of requests that find no warm unit during a burst.

    `arrivals` of requests during it and units `busy` before it: their mean numbers. `spare`: warm units that the burst does not
    hold. `rounds`: earlier bursts whose units are still warm. With `b` busy units and `X` = `b` + arrivals, the burst starts cold
    `(X - K)+ - (b - K)+` requests, where `K` is the maximum of `spare` and of the `X` of earlier bursts. Its mean is the sum of
    `(P(X > n) - P(b > n)) P(X <= n) ** rounds` over `n` from `spare` on.
    """
    both = np.where(busy + arrivals <= MOST, busy + arrivals, 0.0)
    before = np.where(busy + arrivals <= MOST, busy, 0.0)
    exactly, exactly_before, number = np.exp(-both), np.exp(-before), 0
    at_most, at_most_before, expected = exactly.copy(), exactly_before.copy(), np.zeros_like(both)
    while (1 - at_most).max(initial=0.0) > NEGLIGIBLE:
        expected += np.where(number >= spare, (at_most_before - at_most) * at_most ** rounds, 0.0)
        number += 1
        exactly, exactly_before = exactly * both / number, exactly_before * before / number
        at_most, at_most_before = (np.minimum(total + term, 1.0) for total, term in
                                   ((at_most, exactly), (at_most_before, exactly_before)))
    return expected
