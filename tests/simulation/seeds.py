"""What a seed's number stands for, and what comes of it."""

from tests.simulation.invariants import Broken
from tests.simulation.pair import simulate_pair
from tests.simulation.run import Outcome, simulate
from tests.simulation.scenario import scenario_of

PAIRS = 25
"""One seed in so many is two daemons that share a lease; the others are one daemon at a time."""


def is_pair(seed: int) -> bool:
    return seed % PAIRS == PAIRS - 1


def outcome_of(seed: int) -> Outcome:
    """What comes of one seed, whatever comes of it."""
    try:
        return simulate_pair(seed) if is_pair(seed) else simulate(scenario_of(seed))
    except Exception as error:  # noqa: BLE001 - thousands of others are to be run
        return Outcome(seed, 0, 0, 0, "", Broken("the simulation ends", f"{type(error).__name__}: {error}"))
