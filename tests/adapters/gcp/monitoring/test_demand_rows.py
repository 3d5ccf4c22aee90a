"""Demand in instances, from counts of requests and latencies."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.gcp.monitoring.demand_rows import Points, demand, of_users
from adapters.pinging.own_traffic import Own

NAN = float("nan")


def points(requests, latency_ms, pending=None) -> Points:
    columns = (np.array(column, float) for column in (requests, latency_ms, pending or [NAN] * len(requests)))
    return Points(1000, *columns)


def rows(requests, latency_ms, pending=None, proof=True, concurrency=1, usual_ms=None):
    return demand(points(requests, latency_ms, pending), np.full(len(requests), proof), concurrency, usual_ms)


def test_requests_in_flight_are_arrivals_times_latency():
    series = rows([120], [2000])

    assert series.busy.tolist() == [4.0]
    assert series.invocations.tolist() == [120.0]


def test_concurrency_divides_requests_in_flight():
    assert rows([4800], [2000], concurrency=80).busy.tolist() == [2.0]
    assert rows([4800], [2000], concurrency=80).peak.tolist() == [3.0]


def test_the_peak_includes_a_margin_and_never_exceeds_the_requests():
    one, many = rows([1], [500]), rows([600], [1000])

    assert one.peak.tolist() == [1.0]
    assert 15 <= many.peak[0] <= 25


def test_the_peak_is_near_that_of_independent_arrivals():
    rng = np.random.default_rng(5)
    starts = np.sort(rng.uniform(0, 60, 300))
    most = max(((starts <= at) & (starts + 2.0 > at)).sum() for at in starts)

    assert rows([300], [2000]).peak[0] == pytest.approx(most, abs=4)


def test_an_instance_with_concurrency_80_is_busy_with_one_request():
    series = rows([60], [1000], concurrency=80)

    assert series.busy[0] == pytest.approx(1 - np.exp(-1))


def test_a_long_request_counts_in_all_its_minutes():
    series = rows([0, 0, 0, 0, 0, 1], [NAN] * 5 + [240_000])

    assert series.busy.tolist() == [0.0, 0.0, *[pytest.approx(1.0, abs=0.01)] * 4]
    assert series.invocations.tolist() == [0, 0, 0, 0, 0, 1]


def test_waiting_requests_are_demand():
    assert rows([NAN], [NAN], pending=[7]).peak.tolist() == [7.0]
    assert rows([NAN], [NAN], pending=[7], concurrency=4).peak.tolist() == [2.0]


def test_requests_that_waited_and_ended_in_one_minute_are_counted_once():
    without, waited = rows([360], [1000]), rows([360], [1000], pending=[3])

    assert waited.peak.tolist() == without.peak.tolist()
    assert rows([360], [1000], pending=[40]).peak.tolist() == [46.0]


def test_an_absent_point_is_zero_in_a_proven_minute_and_unknown_otherwise():
    assert rows([NAN], [NAN], proof=True).peak.tolist() == [0.0]
    assert np.isnan(rows([NAN], [NAN], proof=False).peak[0])


def test_a_minute_without_latency_has_the_last_known_one():
    assert rows([60, 60], [2000, NAN]).busy.tolist() == [2.0, 2.0]
    assert rows([60], [NAN], usual_ms=3000).busy.tolist() == [3.0]


def test_requests_of_unknown_duration_are_unknown_demand():
    assert np.isnan(rows([60], [NAN]).peak[0])


some = st.one_of(st.just(NAN), st.floats(0, 1e5))


@given(st.lists(st.tuples(some, some, some), min_size=1, max_size=80), st.integers(1, 1000))
def test_demand_is_valid_for_any_metrics(minutes, concurrency):
    requests, latency, pending = (list(column) for column in zip(*minutes, strict=True))
    series = rows(requests, [value * 100 for value in latency], pending, proof=False, concurrency=concurrency)
    known = series.known

    assert (series.peak[known] >= series.busy[known]).all()
    assert (series.busy[known] >= 0).all()
    assert (np.isnan(series.peak) == np.isnan(series.busy)).all()
    assert np.isfinite(series.peak[known]).all()


def test_own_pings_are_no_demand():
    own = Own(*(np.array(column, float) for column in ([7, 0, 7], [0.7, 0, 0.7], [7, 0, 7])))
    users = of_users(points([17, 10, 7], [300, 500, 100]), own)

    assert users.requests.tolist() == [10, 10, 0]
    assert users.latency_ms.tolist()[:2] == [pytest.approx(440), 500]
    assert np.isnan(users.latency_ms[2])
    assert demand(users, np.full(3, True), 1, None).peak.tolist()[2] == 0
    assert of_users(users, None) is users
