"""Minutes in which CloudWatch is proven to work."""

import numpy as np
import pytest

from adapters.aws.cloudwatch.proven_minutes import LATE, RegionActivity, independent
from adapters.ports.minute_rows import SILENCE

NAN = np.nan


def region(n, invoked=(), claimed=(), called=(), requests=1.0):
    """Return a region's activity from minute 0 on, with a point in the given minutes."""
    columns = [np.full(n, NAN) for _ in range(3)]
    for column, minutes in zip(columns, (invoked, claimed, called), strict=True):
        column[list(minutes)] = requests
    return RegionActivity(0, *columns)


def test_a_point_of_the_region_proves_only_its_own_minute():
    life = region(140, invoked=[100, 105, 130])

    assert np.flatnonzero(life.proved(0, 140)).tolist() == [100, 105, 130]
    assert not life.proved(140, 150).any()
    assert not region(10).proved(0, 10).any()


@pytest.mark.parametrize("length", [1, 3, 9, 14, SILENCE, 20, 90])
def test_an_outage_of_a_busy_region_includes_its_edges(length):
    end = 200 + length
    life = region(end + 20, invoked=[*range(200), *range(end, end + 20)])

    assert np.flatnonzero(~life.proved(100, end + 20)).tolist() == list(range(99, end - 99))


@pytest.mark.parametrize("kind", ["claimed", "called"])
def test_claimed_concurrency_and_counted_calls_prove_a_quiet_region_idle(kind):
    life = region(200, invoked=range(0, 60, 7), **{kind: range(200)})
    known = life.proved(100, 200)

    assert known[:-1].all()
    assert known[-1] == (kind == "claimed"), "a call of the newest minute is no proof that Lambda has published it"


@pytest.mark.parametrize("kind", ["claimed", "called"])
def test_a_sudden_silence_of_a_busy_region_stays_unknown(kind):
    def proof(length):
        return region(100 + length, invoked=range(100), **{kind: range(100 + length)}).proved(100, 100 + length)

    assert not proof(SILENCE).any()
    assert proof(SILENCE + 2)[:-1].all()


def test_a_trusted_quiet_region_is_idle_except_sudden_silences():
    quiet = region(200, invoked=range(0, 60, 7))
    assert not quiet.proved(100, 200).any()
    assert quiet.proved(100, 200, trusting=True).tolist() == [True] * 97 + [False] * 3

    busy = region(200, invoked=[*range(150), *range(160, 200)])
    assert not busy.proved(150, 160, trusting=True).any()


def test_a_silent_busy_region_is_broken_only_if_several_functions_ran():
    busy, sparse = region(200, invoked=range(100)), region(200, invoked=range(0, 100, 9))

    assert busy.alive(100 + LATE, 500, 2) is True
    assert busy.alive(101 + LATE, 500, 2) is False
    assert busy.alive(101 + LATE, 500, 1) is None
    assert sparse.alive(150, 500, 2) is None


def test_functions_with_proportional_requests_count_as_one():
    first, nothing = np.array([4.0, 0, 8, 2]), np.zeros(4)

    assert independent(np.array([first, nothing])) == 1
    assert independent(np.array([first, 3 * first, nothing])) == 1, "each request of the one makes three of the other"
    assert independent(np.array([first, first[::-1]])) == 2
    assert independent(np.array([nothing])) == 0


def test_counted_calls_distinguish_a_quiet_from_a_broken_region():
    def verdict(called, calling=500, end=200):
        return region(end, invoked=range(100), called=called).alive(end, calling, 1)

    assert verdict(range(200)) is True
    assert verdict(range(120)) is False, "Stoker still calls, and that is not counted any more"
    assert verdict(range(120), calling=15) is None, "it has just started"
    assert verdict(()) is None


def test_a_quiet_region_is_unknown():
    assert region(140, invoked=[0, 30, 60]).alive(140, 500, 2) is None
    assert region(140).alive(140, 500, 2) is None
