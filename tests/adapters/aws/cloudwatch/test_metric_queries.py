"""Batches of queries, and answers as columns."""

from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.aws.cloudwatch.metric_queries import (
    CONCURRENCY,
    INVOCATIONS,
    MOST_POINTS,
    MOST_QUERIES,
    Query,
    Result,
    batches,
    column,
    request,
    results_of,
)

WINDOWS = st.tuples(st.integers(0, 30_000), st.integers(1, 20_000))


@given(st.lists(WINDOWS, max_size=60))
def test_every_query_is_in_one_call_within_the_limits(windows):
    queries = [Query(f"f{i}:live", INVOCATIONS, first, first + length) for i, (first, length) in enumerate(windows)]
    packed = batches(queries)

    assert sorted(query for batch in packed for query in batch) == sorted(queries)
    for batch in packed:
        span = max(query.end for query in batch) - min(query.first for query in batch)
        assert len(batch) <= MOST_QUERIES
        assert len(batch) == 1 or len(batch) * span <= MOST_POINTS


def test_a_thousand_pools_of_fresh_minutes_take_four_calls():
    queries = [Query(f"f{i}:live", metric, 100, 130) for i in range(1000) for metric in (INVOCATIONS, CONCURRENCY)]

    assert [len(batch) for batch in batches(queries)] == [500] * 4


def test_two_weeks_are_asked_for_five_series_at_a_time():
    queries = [Query(f"f{i}:live", INVOCATIONS, 0, 20_160) for i in range(7)]

    assert [len(batch) for batch in batches(queries)] == [5, 2]


def test_a_call_spans_all_its_queries_and_names_the_alias():
    asked = request([Query("agent:live", INVOCATIONS, 100, 130), Query("", INVOCATIONS, 90, 120)])

    assert asked["StartTime"] == datetime.fromtimestamp(90 * 60, UTC)
    assert asked["EndTime"] == datetime.fromtimestamp(130 * 60, UTC)
    first, second = (query["MetricStat"]["Metric"]["Dimensions"] for query in asked["MetricDataQueries"])
    assert {one["Name"]: one["Value"] for one in first} == {"FunctionName": "agent", "Resource": "agent:live"}
    assert second == []


def test_parts_of_a_series_from_several_pages_make_one_column():
    query = Query("a:live", INVOCATIONS, 10, 15)
    parts = [Result(0, np.array([14, 12, 99]), np.array([4.0, 2.0, 7.0]), "PartialData"),
             Result(0, np.array([10]), np.array([1.0]), "Complete")]

    assert str(column(query, parts).tolist()) == "[1.0, nan, 2.0, nan, 4.0]"


@pytest.mark.parametrize("garbage", [
    {}, {"MetricDataResults": [{"Timestamps": [60.0], "Values": [1.0]}]},
    {"MetricDataResults": [{"Id": "x", "Timestamps": [], "Values": []}]},
    {"MetricDataResults": [{"Id": "q0", "Timestamps": [60.0], "Values": []}]},
])
def test_an_answer_that_makes_no_sense_is_not_taken_for_silence(garbage):
    with pytest.raises((KeyError, ValueError)):
        results_of(garbage)


def test_an_answer_without_points_and_status_is_incomplete():
    (result,) = results_of({"MetricDataResults": [{"Id": "q0"}]})

    assert (result.place, len(result.values), result.status) == (0, 0, "")


def test_an_impossible_point_is_counted_and_left_out():
    answer = {"MetricDataResults": [{"Id": "q0", "Timestamps": [60.0, 120.0, 180.0], "Values": [-1.0, 4.0, float("inf")]}]}
    (result,) = results_of(answer)

    assert (result.minutes.tolist(), result.values.tolist(), result.impossible) == ([2], [4.0], (1, 3))
