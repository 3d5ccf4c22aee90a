"""Idle times of instances, from counts."""

from datetime import timedelta

import numpy as np
import pytest

from adapters.gcp.monitoring.idle_times import idle_spans, keep_alive_seen

NAN = np.nan


def minutes(*parts):
    """Return the spans for consecutive parts of (active, idle, minutes)."""
    active, idle = (np.concatenate([np.full(each[2], each[at], float) for each in parts]) for at in (0, 1))
    return idle_spans(active, idle)


def test_each_ended_instance_gives_the_span_since_as_many_were_active():
    assert minutes((5, 0, 3), (2, 3, 10), (2, 1, 2), (2, 0, 5)) == [11, 11, 13]


def test_instances_that_a_minimum_kept_for_hours_give_no_span():
    assert minutes((8, 0, 3), (1, 7, 120), (1, 0, 5)) == []


def test_instances_idle_before_the_last_point_have_ended():
    assert minutes((2, 0, 3), (0, 2, 9), (NAN, NAN, 5)) == [10, 10]
    assert minutes((2, 0, 3), (0, 2, 3), (NAN, NAN, 5)) == [], "idle for too short to differ from an outage"
    assert minutes((2, 0, 9), (NAN, NAN, 5)) == []


def test_no_span_contains_a_gap():
    assert minutes((4, 0, 3), (NAN, NAN, 2), (0, 4, 8), (0, 0, 3)) == []
    assert minutes((4, 0, 3), (NAN, NAN, 2), (4, 0, 1), (0, 4, 8), (0, 0, 3)) == [9] * 4


def test_a_state_without_points_counts_as_zero():
    assert idle_spans(np.array([3.0] * 3 + [NAN] * 6), np.array([NAN] * 3 + [3.0] * 4 + [1.0] * 2)) == [5, 5]


@pytest.mark.parametrize("life", [4, 10, 15])
def test_the_keep_alive_is_the_median_with_p10_and_p90(life):
    rng = np.random.default_rng(life)
    used = rng.poisson(2.0, 1440) * (rng.random(1440) < 0.2)
    total = np.array([used[max(0, at - life) : at + 1].max() for at in range(1440)])
    seen = keep_alive_seen(idle_spans(used.astype(float), (total - used).astype(float)))

    assert seen.typical == timedelta(minutes=life + 1)
    assert seen.low <= seen.typical <= seen.high
    assert seen.observations > 20


def test_without_ended_instances_there_is_no_keep_alive():
    assert keep_alive_seen([]) is None
