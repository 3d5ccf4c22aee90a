"""Routing of requests, start, minimum and end of instances."""

from hypothesis import given
from hypothesis import strategies as st

from adapters.sandbox.gcp.run.instances import InstanceSet

MINUTE = 60_000


def instances(concurrency=1, startup=8_000, retention=15 * MINUTE, most=100) -> InstanceSet:
    return InstanceSet(concurrency, startup, lambda: retention, most)


def acquire(some: InstanceSet, start: int, end: int) -> bool | None:
    """Return whether a request from `start` to `end` waits; None: it is refused."""
    taken = some.begin(start)
    if taken is None:
        return None
    some.finish(taken, end)
    return taken.waits


def test_the_first_request_waits_for_an_instance_and_the_next_does_not():
    some = instances()

    assert acquire(some, 0, 1000) is True
    assert acquire(some, 20_000, 21_000) is False
    assert some.started == 1


def test_the_wait_of_a_request_extends_its_end():
    some = instances()
    acquire(some, 0, 1000)
    some.settle(8_500)

    assert some.at_work(8_500) == 1
    assert some.at_work(9_000) == 0


def test_ready_instances_of_the_minimum_serve_without_a_wait():
    some = instances()
    some.keep(3, 0, ready_at=30_000)

    assert (some.ready(29_999), some.ready(30_000)) == (0, 3)
    assert [acquire(some, 40_000, 50_000) for _ in range(4)] == [False, False, False, True]


def test_instances_of_the_minimum_share_requests_evenly():
    some = instances(concurrency=10)
    some.keep(4, 0, ready_at=0)
    for _ in range(8):
        acquire(some, 1000, 5000)

    assert some.at_work(2000) == 4


def test_an_instance_serves_requests_up_to_its_concurrency():
    some = instances(concurrency=5)

    assert [acquire(some, 0, 60_000) for _ in range(6)] == [True] * 6
    assert some.started == 2
    assert acquire(some, 20_000, 30_000) is False


def test_an_instance_starts_ahead_above_the_target_utilisation():
    some = instances(concurrency=10)
    some.keep(1, 0, ready_at=0)
    waited = [acquire(some, 1000, 50_000) for _ in range(7)]

    assert waited == [False] * 7
    assert some.started == 1 + 1, "six of ten are the target of 60 %"


def test_an_idle_instance_ends_after_its_retention_unless_it_is_kept():
    some = instances()
    some.keep(1, 0, ready_at=0)
    for _ in range(3):
        acquire(some, MINUTE, 2 * MINUTE)

    assert some.ready(16 * MINUTE) == 3
    assert some.ready(18 * MINUTE) == 1
    assert some.ready(600 * MINUTE) == 1


def test_a_lower_minimum_ends_instances_idle_beyond_their_retention():
    some = instances()
    some.keep(5, 0, ready_at=0)
    some.settle(60 * MINUTE)
    some.keep(2, 60 * MINUTE, ready_at=60 * MINUTE)

    assert some.ready(60 * MINUTE) == 2


def test_beyond_the_maximum_a_request_is_refused():
    some = instances(most=2)

    assert [acquire(some, 0, 60_000) for _ in range(3)] == [True, True, None]


def test_a_new_revision_starts_with_its_minimum_ready():
    some = instances()
    some.keep(2, 0, ready_at=0)
    acquire(some, 1000, 50_000)
    some.replace(10_000, "agent-00002")

    assert some.ready(10_000) == 2
    assert some.at_work(10_000) == 1, "the old instance finishes its request"
    assert some.at_work(50_000) == 0
    assert some.without_traffic(50_000) == {"": (0, 2)}
    assert some.without_traffic(50_000 + 15 * MINUTE) == {}


def test_idle_time_of_the_minimum_and_work_are_counted_separately():
    some = instances()
    some.keep(2, 1, ready_at=1)
    acquire(some, 10_001, 40_001)
    some.settle(60_001)

    assert (some.usage.busy, some.usage.kept_idle) == (30_000, 2 * 60_000 - 30_000)


@given(st.lists(st.tuples(st.integers(0, 600_000), st.integers(1, 120_000)), max_size=60), st.integers(0, 8), st.integers(1, 4))
def test_a_minimum_never_adds_cold_starts(requests, floor, concurrency):
    with_floor, without = instances(concurrency), instances(concurrency)
    with_floor.keep(floor, 0, ready_at=0)
    waits = [0, 0]
    for start, span in sorted(requests):
        waits[0] += acquire(with_floor, start, start + span) is True
        waits[1] += acquire(without, start, start + span) is True

    assert waits[0] <= waits[1]
