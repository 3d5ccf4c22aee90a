"""A fixed, small budget of the simulation; `make simulate` runs as much of it as one likes."""

import pickle
import random
from contextlib import suppress
from dataclasses import replace

import pytest

from controller.decision.planning.pool_state.state import PoolState
from controller.store.state_store import Store, StoreError
from tests.examples import seeds
from tests.simulation.__main__ import workers
from tests.simulation.absence import simulate_absence
from tests.simulation.damage import damage
from tests.simulation.heirs import simulate_heirs
from tests.simulation.invariants import Broken
from tests.simulation.mutations import MUTATIONS, planted
from tests.simulation.pair import simulate_pair
from tests.simulation.pushed import simulate_pushed
from tests.simulation.run import kill_store, simulate
from tests.simulation.scenario import Fault, about, scenario_of
from tests.simulation.seeds import outcome_of
from tests.simulation.shrink import shrunk


def small(seed, pools=12, calm=0):
    """A seed with fewer pools."""
    whole = scenario_of(seed)
    names = whole.pools[:pools]
    faults = tuple(fault for fault in whole.faults if about(fault, names))
    return replace(whole, pools=names, faults=faults, calm=calm)


@pytest.mark.parametrize("seed", seeds(4, 3, 4, 5, 1, 0, 2))
def test_every_invariant_holds_under_faults(seed):
    outcome = simulate(small(seed))

    assert outcome.broken is None
    assert outcome.writes > 0


def check(simulated, seed):
    """Every rule holds in a seed in which something happens, and it replays exactly."""
    outcome = simulated(seed)

    assert outcome.broken is None
    assert outcome.writes > 0
    assert simulated(seed) == outcome


@pytest.mark.parametrize("seed", seeds(2, 24, 0, 8))
def test_with_a_lease_only_one_of_two_daemons_writes_at_a_time(seed):
    check(simulate_pair, seed)


@pytest.mark.parametrize("seed", seeds(1, 99, 49, 149))
def test_scheduled_actions_of_the_provider_are_not_reported_as_foreign_writes(seed):
    check(simulate_heirs, seed)


@pytest.mark.parametrize("seed", seeds(2, 62, 12, 37, 87))
def test_scheduled_actions_run_only_while_no_daemon_runs(seed):
    check(simulate_absence, seed)


@pytest.mark.parametrize("seed", seeds(1, 43, 31, 81, 93))
def test_senders_that_fail_lower_nothing(seed):
    check(simulate_pushed, seed)


def test_a_seed_replays_exactly():
    first, second = (simulate(small(12, pools=6)) for _ in range(2))

    assert (first.digest, first.pool_ticks, first.lives) == (second.digest, second.pool_ticks, second.lives)
    assert first.digest != simulate(small(9, pools=6)).digest


def test_a_kill_starts_another_process_and_time_continues():
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
    ("orders do not end", 4, "an order ends"),
    ("counters are summed before they are differenced", 3, "no request is counted that was not made"),
    ("all may change in one tick", 6, "no more than the fleet may change"),
    ("two daemons on one store", 8, "one store has one owner"),
    ("orders are not put off", 12, "nothing is carried out while the daemon lives"),
    ("orders have no end", 12, "what is ordered ends at the floor"),
    ("orders come late", 12, "a pool that was set is not left without orders"),
    ("what was there before is forgotten", 187, "a stopped daemon leaves what on_exit says"),
    ("orders rise whatever that costs", 12, "unwatched, nothing rises where money is limited"),
    ("orders stand over another's number", 12, "what another party set stays"),
    ("orders are not known before they are", 312, "no foreign write is reported without cause"),
    ("what was ordered before is forgotten", 187, "no foreign write is reported without cause"),
    ("orders carry no fencing number", 49, "no write under an old fencing number"),
    ("orders of a leader are forgotten by the next", 99, "no foreign write is reported without cause"),
    ("doubts of a leader are forgotten by the next", 949, "no foreign write is reported without cause"),
    ("what was found for ours is not told", 149, "no foreign write is reported without cause"),
    ("an outage of minutes is bridged", 0, "a lost minute is no zero"),
    ("lost points of one pool are idleness", 7, "a lost minute is no zero"),
    ("without unknown_minutes", 18, "missing minutes lower nothing"),
    ("orders outlive an orderly end", 12, "who leaves in order leaves no orders"),
    ("both layers to the ceiling", 3, "both layers within the ceiling"),
    ("pings go on through a pause", 27, "an order is obeyed"),
    ("a pool that has changed may change again", 231, "no more than the fleet may change"),
    ("a silent sender counts as ended", 81, "a lost minute is no zero"),
    ("a leader forgets pings", 324, "the next leader keeps the pings"),
])
def test_a_planted_defect_is_found(name, seed, rule):
    with planted(name):
        broken = outcome_of(seed).broken

    assert broken is not None
    assert broken.rule == rule


def test_several_workers_give_the_same_results_as_one_process():
    numbers = range(4, 6)
    with workers(2) as pool:
        shared = pool.imap(outcome_of, numbers)
        alone = [outcome_of(seed) for seed in numbers]  # while they work
        found = list(shared)

    assert found == alone


def test_a_violation_in_a_worker_is_returned_to_the_caller():
    broken = Broken("a rule", "a detail", "p1")
    again = pickle.loads(pickle.dumps(broken))  # noqa: S301

    assert (again.rule, again.pool, str(again)) == ("a rule", "p1", "a rule: p1: a detail")


@pytest.mark.parametrize("how", range(40))
def test_a_damaged_store_is_opened_or_moved_aside(tmp_path, how):
    path = tmp_path / "stoker.db"
    store = Store(path)
    store.save_states({f"p{number}": PoolState(written=number) for number in range(500)})
    if how % 2:
        store.close()
    else:
        kill_store(store)
    damage(path, random.Random(how))  # noqa: S311

    opened = None
    for _ in range(3):
        with suppress(StoreError):
            opened = Store(path)
            break
    assert opened is not None
    opened.close()


def test_a_planted_defect_is_removed_after_the_search():
    assert all(name for name in MUTATIONS)
    with planted("without floor"):
        assert simulate(small(1, calm=0)).broken is not None

    assert simulate(small(1, calm=0)).broken is None


def test_a_failing_seed_is_shrunk_to_the_necessary_faults():
    with planted("without foreign_owner"):
        whole = scenario_of(4)
        broken = simulate(whole).broken
        smallest = shrunk(whole, broken, simulate, most_runs=40)
        again = simulate(smallest).broken

    assert {fault.kind for fault in smallest.faults} == {"owner"}
    assert (again.rule, smallest.pools) == (broken.rule, (broken.pool,))
