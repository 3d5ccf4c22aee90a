"""What a seed's number stands for, and what comes of it."""

from tests.simulation.absence import simulate_absence
from tests.simulation.heirs import simulate_heirs
from tests.simulation.invariants import Broken
from tests.simulation.pair import simulate_pair
from tests.simulation.pushed import simulate_pushed
from tests.simulation.run import Outcome, simulate
from tests.simulation.scenario import scenario_of

EVERY = 50
"""Of so many seeds one is two daemons that share a lease, another two that share one and have told the provider what to do should
they die, two are a daemon that stays away with orders at the provider, and in two senders push the demand of a region; the others
are one daemon at a time.
"""
APART = {12: simulate_absence, 24: simulate_pair, 31: simulate_pushed, 37: simulate_absence, 43: simulate_pushed,
         49: simulate_heirs}


def is_apart(seed: int) -> bool:
    """Whether a seed is none of those that `scenario_of` tells whole."""
    return seed % EVERY in APART


def outcome_of(seed: int) -> Outcome:
    """What comes of one seed, whatever comes of it."""
    try:
        return APART[seed % EVERY](seed) if is_apart(seed) else simulate(scenario_of(seed))
    except Exception as error:  # noqa: BLE001 - thousands of others are to be run
        return Outcome(seed, 0, 0, 0, "", Broken("the simulation ends", f"{type(error).__name__}: {error}"))
