"""Responses to pings, and the number of distinct units that they prove. Pure."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise


@dataclass(frozen=True, slots=True)
class PingResult:
    """Response to one ping.

    `sent` and `answered`: seconds of one monotonic clock. `occupied`: seconds in between in which a unit certainly held the
    ping, including the start of a cold unit. `unit`: name of the unit, if it reports one. `generation`: the deployment that
    answered; units of other deployments serve no requests any more. `init_seconds`: start time of a cold unit. `below`: whether
    the unit belongs to the layer below, which no ping keeps warm; None where the unit does not report it.
    """

    sent: float
    answered: float
    occupied: float
    cold: bool
    unit: str | None = None
    generation: str = ""
    init_seconds: float | None = None
    below: bool | None = None


def distinct(answers: Iterable[PingResult]) -> int:
    """Return the minimum number of different units that answered.

    If all answers have a name, it is the number of names. Otherwise each unit is assumed to serve one request at a time: one that
    held a ping for `occupied` seconds between `sent` and `answered` certainly held it from `answered - occupied` to
    `sent + occupied`; one started for the ping held no other before. Units that were certainly occupied at the same instant are
    different. The larger of this number and that of the names is returned.
    """
    results = list(answers)
    names = {answer.unit for answer in results if answer.unit is not None}
    return len(names) if all(answer.unit is not None for answer in results) else max(len(names), _at_once(results))


def all_overlapped(answers: Sequence[PingResult]) -> bool:
    """Return whether all pings were held at the same time: each by another unit, or certainly by their times, where a unit serves
    several requests at once.
    """
    return len(answers) in (distinct(answers), _at_once(answers))


def pinged_units(answers: Iterable[PingResult], below: int) -> int:
    """Return the minimum number of different units above the layer below that answered; that layer has at most `below` units.

    Units that report their layer are counted by it. Of those that do not, as many as that layer has left may belong to it.
    """
    results = list(answers)
    above = [each for each in results if not each.below]
    reached = distinct(each for each in results if each.below)
    return max(distinct(each for each in above if each.below is False), distinct(above) - max(0, below - reached))


def survivors(canary: PingResult | None, burst: Iterable[PingResult], held: int) -> tuple[int, int]:
    """Return how many of `held` units, warm before a canary and the first burst after it, are certainly alive, and how many have
    expired, as cold responses show. A unit started for the canary is not a survivor, although it is warm in the burst. `canary`:
    None if it reached a unit of the layer below.
    """
    results = list(burst)
    cold = [each for each in (canary, *results) if each is not None and each.cold]
    started = {each.unit for each in cold if each.unit is not None}
    warm = distinct(each for each in results if not each.cold and each.unit not in started)
    if canary is not None and not canary.cold:
        warm = max(warm, 1)
    elif canary is not None and canary.unit is None:
        warm = max(warm - 1, 0)
    alive = min(held, warm)
    return alive, min(held - alive, len(cold))


def all_held_seconds(answers: Iterable[PingResult], idle: int) -> float:
    """Return for how long pings held all of `idle` idle units at once, so that a user's request would have started cold.

    The platform does not report when a unit got its ping. The middle of the times that the answer allows is assumed. A ping that
    started a unit shows that it found none idle: then the other units were all. The started one was not there for users.
    """
    results = list(answers)
    warm = [each for each in results if not each.cold]
    if len(warm) < len(results):
        idle = distinct(warm)
    middles = [((each.sent + each.answered) / 2, each.occupied / 2) for each in warm]
    edges = sorted(edge for middle, half in middles for edge in ((middle - half, 1), (middle + half, -1)))
    total = now = 0.0
    for (at, step), (following, _) in pairwise(edges):
        now += step
        total += (following - at) * (now >= idle)
    return total if idle else 0.0


def _at_once(answers: Sequence[PingResult]) -> int:
    """Return the maximum of certain occupations at one instant; spans that only touch do not overlap."""
    edges: list[tuple[float, int]] = []
    for answer in answers:
        since = -math.inf if answer.cold else answer.answered - answer.occupied
        until = answer.sent + answer.occupied
        if since < until:
            edges += [(since, 1), (until, -1)]
    most = now = 0
    for _, step in sorted(edges):
        now += step
        most = max(most, now)
    return max(most, min(1, len(answers)))  # one answer proves a unit even if no span is certain
