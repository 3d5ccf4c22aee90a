"""Run seeds, and for one that fails print the fewest faults that it takes.

    python -m tests.simulation --seeds 1000 --from 0 --workers 2
    python -m tests.simulation --seed 17            # one again, exactly
    python -m tests.simulation --mutations          # break each safety mechanism on purpose: which seed finds it
"""

import argparse
import multiprocessing
import signal
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

from tests.simulation.mutations import MUTATIONS, found
from tests.simulation.run import Outcome, simulate
from tests.simulation.scenario import Scenario, scenario_of
from tests.simulation.seeds import is_apart, outcome_of
from tests.simulation.shrink import shrunk

TOLD_EVERY_SECONDS = 30.0


def main() -> int:
    """Exit code 0 when every invariant held (or every planted defect was found), 1 when not, 130 when interrupted."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__.split("\n")[0])
    parser.add_argument("--seeds", type=int, default=100, help="how many")
    parser.add_argument("--from", type=int, default=0, dest="first", help="the first: a sweep that was ended goes on from there")
    parser.add_argument("--seed", type=int, help="just this one")
    parser.add_argument("--workers", type=int, default=1, help="processes that share the seeds; what they find is the same")
    parser.add_argument("--minutes", type=float, help="begin no further seed after so many minutes")
    parser.add_argument("--no-shrink", action="store_true", help="print a failing seed as it is")
    parser.add_argument("--mutations", action="store_true", help="see that each planted defect is found within --seeds")
    given = parser.parse_args()
    seeds = [given.seed] if given.seed is not None else range(given.first, given.first + given.seeds)
    if given.mutations:
        return hunt(seeds, given.workers)
    return Sweep(seeds, given.minutes, not given.no_shrink).run(given.workers)


@contextmanager
def workers(count: int) -> Iterator[object]:
    """Something with an `imap`: so many processes, or none but this one. Interrupts are this process's own affair."""
    if count <= 1:
        yield None
        return
    with multiprocessing.get_context("spawn").Pool(count, signal.signal, (signal.SIGINT, signal.SIG_IGN)) as pool:
        yield pool


class Sweep:
    """All of some seeds, in their order, and the sum of what came of them."""

    def __init__(self, seeds: Sequence[int], minutes: float | None, shrinking: bool) -> None:
        self.seeds, self.shrinking = seeds, shrinking
        self.began = self.told = time.monotonic()
        self.until = None if minutes is None else self.began + minutes * 60
        self.done = self.ticks = self.lives = self.writes = 0
        self.failed: list[int] = []

    def run(self, count: int) -> int:
        """Until the last seed, the time that was given, or an interrupt: what was found by then is told."""
        interrupted = False
        with workers(count) as pool:
            outcomes = map(outcome_of, self.seeds) if pool is None else pool.imap(outcome_of, self.seeds)
            try:
                self._take(outcomes)
            except KeyboardInterrupt:
                interrupted = True
        self._sum()
        return 130 if interrupted else 1 if self.failed else 0

    def _take(self, outcomes: Iterable[Outcome]) -> None:
        for outcome in outcomes:
            self.done, self.ticks = self.done + 1, self.ticks + outcome.pool_ticks
            self.lives, self.writes = self.lives + outcome.lives, self.writes + outcome.writes
            if outcome.broken is not None:
                self.failed.append(outcome.seed)
                tell(outcome, self.shrinking)
            elif len(self.seeds) == 1:
                print(f"seed {outcome.seed}: digest {outcome.digest}")
            self._progress()
            if self.until is not None and time.monotonic() > self.until:
                return

    def _progress(self) -> None:
        """How far it is, now and then."""
        now = time.monotonic()
        if now - self.told < TOLD_EVERY_SECONDS:
            return
        self.told = now
        left = (now - self.began) / self.done * (len(self.seeds) - self.done)
        print(f"{self.done} of {len(self.seeds)} seeds, {self.ticks} pool-ticks, {len(self.failed)} failed; "
              f"{now - self.began:.0f} s so far, about {left:.0f} s to go", file=sys.stderr, flush=True)

    def _sum(self) -> None:
        seconds = time.monotonic() - self.began
        said = f"seeds that broke an invariant: {self.failed}" if self.failed else "every invariant held"
        print(f"{self.done} seeds, {self.ticks} pool-ticks, {self.lives} lives, {self.writes} writes in {seconds:.0f} s "
              f"({self.ticks / max(seconds, 1e-9):.0f} pool-ticks a second); {said}")
        if self.done < len(self.seeds):
            print(f"{len(self.seeds) - self.done} seeds are left: --from {self.seeds[self.done]}")
        sys.stdout.flush()


def tell(outcome: Outcome, shrinking: bool) -> None:
    """What broke, and the least that breaks it."""
    print(f"seed {outcome.seed}: {outcome.broken}", flush=True)
    if is_apart(outcome.seed):
        return
    scenario: Scenario = scenario_of(outcome.seed)
    if shrinking and outcome.broken is not None:
        whole = len(scenario.faults)
        scenario = shrunk(scenario, outcome.broken, simulate)
        print(f"  {whole} faults shrunk to {len(scenario.faults)}, {len(scenario.pools)} pools, "
              f"which break it so: {simulate(scenario).broken}")
    for fault in scenario.faults:
        print(f"  {fault}")
    sys.stdout.flush()


def hunt(seeds: Sequence[int], count: int) -> int:
    """Every planted defect, and the first seed that finds it."""
    unfound, jobs = 0, [(name, seeds) for name in MUTATIONS]
    with workers(count) as pool:
        for name, tried, seed, said, seconds in map(found, jobs) if pool is None else pool.imap(found, jobs):
            unfound += seed is None
            what = f"not found in {tried} seeds" if seed is None else f"seed {seed}, {tried} tried: {said}"
            print(f"{name:38s} {seconds:5.1f} s  {what}", flush=True)
    print(f"{len(jobs) - unfound} of {len(jobs)} planted defects were found")
    return 1 if unfound else 0


if __name__ == "__main__":
    sys.exit(main())
