"""Warmers in real traffic: which are found, and demand without them."""

from pathlib import Path

import numpy as np
import pytest

from adapters.demand.history_file import open_history
from forecasting.demand import DemandSeries
from forecasting.warmer import Rhythm, found_in, left_out

TRACES = sorted((Path(__file__).parents[3] / "shared" / "traces").glob("*.csv.gz"))
FIRST, DAY = 29_540_000, 1440


def called(every, requests, days=1.0, jitter=0.0, seed=0, seconds=0.1):
    """Requests and work by minute of a warmer whose bursts come up to `jitter` seconds late, and may fall to both sides of a
    minute's end.
    """
    dice = np.random.default_rng(seed)
    counts = np.zeros(int(days * DAY) + 1)
    for at in range(0, int(days * DAY), every):
        second = 57 + dice.uniform(0, jitter)  # near the end of a minute, where it matters
        for _ in range(requests):
            counts[min(len(counts) - 1, int((at * 60 + second + dice.uniform(0, 0.5 if jitter else 0)) // 60))] += 1
    return counts[:-1], counts[:-1] * seconds / 60


def series(*parts):
    """Demand made of counts and work: users, and last the pings, which come at once and beside whatever else is in flight."""
    (counts, work), pings = parts[0] if len(parts) > 1 else (0 * parts[0][0], 0 * parts[0][1]), parts[-1]
    peak = np.maximum(np.ceil(work), counts > 0) + pings[0]
    return DemandSeries(FIRST, *(np.asarray(each, np.float32) for each in (peak, work + pings[1], counts + pings[0])))


def alone(counts, work):
    """Users without a warmer."""
    return series((counts, work), (0 * counts, 0 * work))


def busy_days(days=2, seed=1, each=2.0):
    """Users from eight to six, at random, two seconds each; nobody at night."""
    minutes = np.arange(days * DAY) % DAY
    rate = np.where((minutes >= 480) & (minutes < 1080), 20.0, 0.0)
    counts = np.random.default_rng(seed).poisson(rate).astype(float)
    return counts, counts * each / 60


def sparse_days(days=2, seed=1):
    """Somebody every half an hour or so, at random."""
    counts = np.random.default_rng(seed).poisson(0.03, days * DAY).astype(float)
    return counts, counts * 0.5


@pytest.mark.parametrize("jitter", [0.0, 5.0, 30.0])
@pytest.mark.parametrize("requests", [1, 3, 10])
@pytest.mark.parametrize("every", [1, 2, 4, 5, 10, 15, 30])
def test_a_warmer_alone_is_found(every, requests, jitter):
    if every == 2 and jitter:
        pytest.skip("bursts that run into each other leave no idle minute between them")

    assert found_in(series(called(every, requests, jitter=jitter))) == Rhythm(every, requests)


@pytest.mark.parametrize("jitter", [0.0, 5.0])
@pytest.mark.parametrize("traffic", [busy_days, sparse_days])
@pytest.mark.parametrize("requests", [1, 5])
@pytest.mark.parametrize("every", [4, 5, 10])
def test_a_warmer_with_users_is_found(every, requests, traffic, jitter):
    users, pings = traffic(), called(every, requests, 2, jitter)

    assert found_in(series(users, pings)) == Rhythm(every, requests)


def test_a_warmer_that_calls_every_minute_is_found_at_night():
    users, pings = busy_days(), called(1, 2, 2)

    assert found_in(series(users, pings)) == Rhythm(1, 2)


@pytest.mark.parametrize("seed", range(20))
def test_users_are_no_warmer(seed):
    for traffic in (busy_days, sparse_days):
        assert found_in(alone(*traffic(seed=seed))) is None


def test_a_job_that_works_is_no_warmer():
    assert found_in(series(called(5, 3, seconds=20.0))) is None
    assert found_in(series(called(1, 3, seconds=5.0))) is None


@pytest.mark.parametrize("every", [1, 5])
def test_a_constant_load_that_keeps_its_units_at_work_is_no_warmer(every):
    """240 requests of 0.9 s each fill four units for most of a minute."""
    counts = np.where(np.arange(DAY) % every == 0, 240.0, 0.0)

    assert found_in(alone(counts, counts * 0.9 / 60)) is None


def test_one_hour_is_too_short_and_unknown_minutes_are_not_idle():
    assert found_in(series(called(5, 3, days=1 / 24))) is None
    assert found_in(DemandSeries.empty(FIRST, 2000)) is None
    assert found_in(DemandSeries.empty(FIRST)) is None

    counts, work = called(5, 3)
    unknown = np.where(counts > 0, counts, np.nan)
    assert found_in(series((unknown, work))) is None


@pytest.mark.skipif(not TRACES, reason="the traces are not here")
def test_no_real_trace_has_a_warmer():
    named = {path.name: rhythm for path in TRACES if (rhythm := found_in(open_history(path).series)) is not None}

    assert named == {}
    assert len(TRACES) >= 41


@pytest.mark.parametrize("jitter", [0.0, 5.0])
@pytest.mark.parametrize("every", [1, 4, 5, 10])
def test_without_the_warmer_a_warmed_function_is_idle(every, jitter):
    rest, _ = left_out(series(called(every, 3, jitter=jitter)), Rhythm(every, 3))

    assert rest.invocations.sum() == rest.peak.sum() == 0
    assert rest.busy.sum() == pytest.approx(0, abs=1e-4)


@pytest.mark.parametrize("every", [1, 4, 5, 10])
def test_without_the_warmer_users_are_left(every):
    users, pings = busy_days(), called(every, 3, 2)
    rest, _ = left_out(series(users, pings), Rhythm(every, 3))
    users_alone = alone(*users)

    assert rest.invocations.sum() == pytest.approx(users_alone.invocations.sum(), rel=0.02)
    assert rest.busy.sum() == pytest.approx(users_alone.busy.sum(), rel=0.02)
    night = np.arange(len(users[0])) % DAY < 470
    assert rest.invocations[night].sum() == rest.peak[night].sum() == 0
    assert (rest.peak >= users_alone.peak - 1e-6).all(), "never fewer than there were"


def test_answers_that_overlap_leave_out_the_same_requests():
    """A day in one piece, and in answers of a quarter of an hour that are read again."""
    users, pings = busy_days(), called(5, 3, 2)
    whole = series(users, pings)
    once, last = left_out(whole, Rhythm(5, 3))
    again, newest = DemandSeries.empty(FIRST, len(whole)), None
    for end in range(FIRST + 1, whole.end_minute):
        part, newest = left_out(whole.window(max(FIRST, end - 16), end), Rhythm(5, 3), newest)
        again = again.updated(part)

    assert newest == last
    assert again.invocations[60:-10].tolist() == once.invocations[60:-10].tolist()
