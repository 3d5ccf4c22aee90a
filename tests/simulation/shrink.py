"""The fewest faults that still break the same invariant."""

from collections.abc import Callable
from dataclasses import replace

from config.model.layers import base_name
from tests.simulation.invariants import Broken
from tests.simulation.run import Outcome
from tests.simulation.scenario import Fault, Scenario, about

MOST_RUNS = 150


def shrunk(scenario: Scenario, broken: Broken, run: Callable[[Scenario], Outcome], most_runs: int = MOST_RUNS) -> Scenario:
    """Leave out the other pools, then halves, quarters and single faults, as long as `broken.rule` is still broken by `run`."""
    runs = 0

    def fails(candidate: Scenario) -> bool:
        nonlocal runs
        runs += 1
        found = run(candidate).broken
        return runs <= most_runs and found is not None and found.rule == broken.rule

    smallest = scenario
    if broken.pool is not None:
        pools = (base_name(broken.pool),)
        alone = replace(scenario, pools=pools, faults=tuple(fault for fault in scenario.faults if about(fault, pools)))
        if fails(alone):
            smallest = alone
    parts = 2
    while smallest.faults and runs < most_runs:
        size = -(-len(smallest.faults) // parts)
        for start in range(0, len(smallest.faults), size):
            fewer = without(smallest, smallest.faults[start:start + size])
            if fails(fewer):
                smallest, parts = fewer, max(2, parts - 1)
                break
        else:
            if size == 1:
                break
            parts = min(2 * parts, len(smallest.faults))
    return smallest


def without(scenario: Scenario, faults: tuple[Fault, ...]) -> Scenario:
    """The scenario with `faults` left out."""
    gone = set(faults)
    return replace(scenario, faults=tuple(fault for fault in scenario.faults if fault not in gone))
