"""Answers to pings, and how many distinct units they prove. Pure."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PingResult:
    """One ping that was answered as a ping.

    `sent` and `answered`: seconds of one monotonic clock. `occupied`: for how many seconds in between a unit surely had it,
    its start included when it was cold. `unit`: the unit's name for itself, where it tells. `generation`: the deployment that
    answered; units of another one serve nobody any more. `init_seconds`: how long a cold one took to start.
    """

    sent: float
    answered: float
    occupied: float
    cold: bool
    unit: str | None = None
    generation: str = ""
    init_seconds: float | None = None


def distinct(answers: Iterable[PingResult]) -> int:
    """The least number of different units that must have answered. Each serves one request at a time.

    Units that name themselves are counted. For the others: a unit that had a ping for `occupied` seconds, somewhere between
    `sent` and `answered`, had it from `answered - occupied` to `sent + occupied` for certain, and one that was started for it was
    nobody's before. As many as were certainly taken at one instant are different ones. Of both counts the larger holds, for each
    proves a least number by itself.
    """
    given = list(answers)
    return max(len({answer.unit for answer in given if answer.unit is not None}), _at_once(given))


def survivors(canary: PingResult, burst: Iterable[PingResult], held: int) -> tuple[int, int]:
    """Of `held` units that were warm before a canary and the first burst after it: how many are alive for certain, and how many
    a cold answer has shown to be gone. A unit that was started for the canary is no survivor, however warm the burst finds it.
    """
    given = list(burst)
    cold = [each for each in (canary, *given) if each.cold]
    born = {each.unit for each in cold if each.unit is not None}
    warm = distinct(each for each in given if not each.cold and each.unit not in born)
    if not canary.cold:
        warm = max(warm, 1)
    elif canary.unit is None:
        warm = max(warm - 1, 0)
    alive = min(held, warm)
    return alive, min(held - alive, len(cold))


def _at_once(answers: Sequence[PingResult]) -> int:
    """The most certain occupations that share an instant; what touches does not overlap."""
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
    # one answer is one unit, however slow its way was
    return max(most, min(1, len(answers)))
