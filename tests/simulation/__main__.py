"""Run seeds, and for one that fails print the fewest faults that it takes.

    python -m tests.simulation --seeds 1000 --from 0
    python -m tests.simulation --seed 17            # one again, exactly
    python -m tests.simulation --mutations          # break each safety mechanism on purpose: which seed finds it
"""

import argparse
import sys
import time

from tests.simulation.mutations import MUTATIONS, find
from tests.simulation.run import Outcome, simulate
from tests.simulation.scenario import Scenario, scenario_of
from tests.simulation.shrink import shrunk


def main() -> int:
    """Exit code 0 when every invariant held (or every planted defect was found), else 1."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__.split("\n")[0])
    parser.add_argument("--seeds", type=int, default=100, help="how many")
    parser.add_argument("--from", type=int, default=0, dest="first", help="the first")
    parser.add_argument("--seed", type=int, help="just this one")
    parser.add_argument("--minutes", type=float, help="begin no further seed after so many minutes")
    parser.add_argument("--no-shrink", action="store_true", help="print a failing seed as it is")
    parser.add_argument("--mutations", action="store_true", help="see that each planted defect is found within --seeds")
    given = parser.parse_args()
    if given.mutations:
        return hunt(given.first, given.seeds)
    seeds = [given.seed] if given.seed is not None else range(given.first, given.first + given.seeds)
    return sweep(seeds, given.minutes, not given.no_shrink)


def sweep(seeds, minutes: float | None, shrinking: bool) -> int:
    """Run all `seeds`; tell of each that fails and of the sum."""
    began, spent, ticks, lives, writes, failed, done = time.monotonic(), time.process_time(), 0, 0, 0, [], 0
    for seed in seeds:
        if minutes is not None and time.monotonic() - began > minutes * 60:
            break
        outcome = simulate(scenario_of(seed))
        done, ticks, lives, writes = done + 1, ticks + outcome.pool_ticks, lives + outcome.lives, writes + outcome.writes
        if outcome.broken is not None:
            failed.append(seed)
            tell(seed, outcome, shrinking)
        elif len(seeds) == 1:
            print(f"seed {seed}: digest {outcome.digest}")
    seconds = time.monotonic() - began
    busy = time.process_time() - spent
    print(f"{done} seeds, {ticks} pool-ticks, {lives} lives, {writes} writes in {seconds:.0f} s, "
          f"{busy:.0f} s of a processor ({ticks / max(busy, 1e-9):.0f} a second of it); "
          + (f"seeds that broke an invariant: {failed}" if failed else "every invariant held"))
    return 1 if failed else 0


def tell(seed: int, outcome: Outcome, shrinking: bool) -> None:
    """What broke, and the least that breaks it."""
    scenario: Scenario = scenario_of(seed)
    print(f"seed {seed}: {outcome.broken}")
    if shrinking:
        scenario = shrunk(scenario, outcome.broken, simulate)
        print(f"  {len(scenario_of(seed).faults)} faults shrunk to {len(scenario.faults)}, {len(scenario.pools)} pools, "
              f"which break it so: {simulate(scenario).broken}")
    for fault in scenario.faults:
        print(f"  {fault}")
    sys.stdout.flush()


def hunt(first: int, most: int) -> int:
    """Every planted defect, and the first seed that finds it."""
    unfound = 0
    for name in MUTATIONS:
        seed, broken = find(name, range(first, first + most))
        unfound += broken is None
        print(f"{name:30s} " + (f"not found in {most} seeds" if broken is None else f"seed {seed}: {broken}"), flush=True)
    return 1 if unfound else 0


if __name__ == "__main__":
    sys.exit(main())
