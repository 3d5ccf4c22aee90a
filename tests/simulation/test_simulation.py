"""A fixed, small budget of the simulation; `make simulate` runs as much of it as one likes."""

from dataclasses import replace

import pytest

from tests.simulation.mutations import MUTATIONS, planted
from tests.simulation.run import simulate
from tests.simulation.scenario import Fault, scenario_of
from tests.simulation.shrink import shrunk


def small(seed, pools=12, calm=None):
    """A seed with fewer pools."""
    whole = scenario_of(seed)
    names = whole.pools[:pools]
    faults = tuple(fault for fault in whole.faults if not fault.where.startswith("p") or fault.where in names)
    return replace(whole, pools=names, faults=faults, calm=whole.calm if calm is None else calm)


@pytest.mark.parametrize("seed", [0, 1, 2, 3, 4, 5])
def test_every_invariant_holds_under_faults(seed):
    outcome = simulate(small(seed))

    assert outcome.broken is None
    assert outcome.writes > 0


def test_a_seed_replays_exactly():
    first, second = (simulate(small(9, calm=0)) for _ in range(2))

    assert (first.digest, first.pool_ticks, first.lives) == (second.digest, second.pool_ticks, second.lives)
    assert first.digest != simulate(small(10, calm=0)).digest


def test_a_kill_begins_another_life_and_time_goes_on():
    scenario = replace(small(1, calm=0), faults=(Fault(20, "kill", "daemon", 1, 7.0), Fault(40, "stop", "daemon", 1, 0.0)))
    outcome = simulate(scenario)

    assert (outcome.broken, outcome.lives) == (None, 3)
    assert outcome.pool_ticks >= (scenario.minutes - 2) * len(scenario.pools)


@pytest.mark.parametrize(("name", "seed", "rule"), [
    ("without floor", 1, "within floor and ceiling"),
    ("no intent is stored", 1, "an intent is stored before each write"),
    ("writes what is there", 1, "an unchanged target makes no call"),
    ("shadow is not a shadow", 1, "shadow writes nothing"),
    ("no reading before a write", 1, "read before write"),
])
def test_a_planted_defect_is_found(name, seed, rule):
    with planted(name):
        broken = simulate(replace(scenario_of(seed), calm=0)).broken

    assert broken is not None
    assert broken.rule == rule


def test_a_planted_defect_is_gone_once_it_was_found():
    assert all(name for name in MUTATIONS)
    with planted("without floor"):
        assert simulate(small(1, calm=0)).broken is not None

    assert simulate(small(1, calm=0)).broken is None


def test_a_failing_seed_is_shrunk_to_the_faults_that_it_takes():
    with planted("without blocked"):
        whole = replace(scenario_of(1), calm=0)
        broken = simulate(whole).broken
        smallest = shrunk(whole, broken, simulate, most_runs=40)
        again = simulate(smallest).broken

    assert {fault.kind for fault in smallest.faults} == {"blocked"}
    assert (again.rule, smallest.pools) == (broken.rule, (broken.pool,))
