"""Minutes in which Cloud Monitoring is proven to work."""

import numpy as np
import pytest

from adapters.gcp.monitoring.proven_minutes import ProjectActivity, proven_minutes, telemetry_works

NAN = float("nan")


def activity(*minutes, idle_long=()) -> ProjectActivity:
    return ProjectActivity(np.array(minutes, np.int64), np.isin(minutes, idle_long))


def proof(seen, first, end, warm_since=None, trusting=False):
    return proven_minutes(seen, first, end, warm_since=warm_since, trusting=trusting)


def test_a_point_of_the_project_proves_its_own_minute_only():
    assert proof(activity(5, 10), 4, 12).tolist() == [False, True, False, False, False, False, True, False]
    assert not proof(activity(), 0, 3).any()


@pytest.mark.parametrize("length", [1, 3, 9, 14, 15, 40])
def test_an_outage_during_traffic_is_unknown_with_the_minutes_at_its_edges(length):
    seen = activity(*range(100), *range(100 + length, 140 + length))

    assert np.flatnonzero(~proof(seen, 50, 140 + length)).tolist() == list(range(49, 51 + length))


def test_absent_points_after_idle_minutes_are_proven_while_no_instance_is_kept_warm():
    at_zero = activity(5, idle_long=[5])

    assert proof(activity(5, 40, idle_long=[5]), 6, 39).all()
    assert proof(at_zero, 6, 500).all()
    assert not proof(activity(5), 6, 500).any()
    assert proof(at_zero, 6, 500, warm_since=100).tolist() == [minute < 100 for minute in range(6, 500)]
    assert not proof(activity(5, 40, idle_long=[5]), 6, 39, warm_since=0).any(), "what is kept warm has points"


def test_trusting_proves_a_quiet_project_except_after_a_sudden_end():
    assert proof(activity(5), 6, 500, warm_since=0, trusting=True).tolist() == [minute < 497 for minute in range(6, 500)]
    assert not proof(activity(*range(100), *range(110, 120)), 100, 110, trusting=True).any()
    assert proof(activity(*range(100), *range(120, 130)), 100, 130, trusting=True).all()


@pytest.mark.parametrize(("active", "idle", "idle_long"), [
    ([3, 0, 0, 0, 0, 0], [0, 3, 3, 3, 3, 3], [5]),
    ([3, NAN, NAN, NAN, NAN, NAN], [0, 3, 3, 3, 3, 3], [5]),
    ([3, 0, 0, 0, 0, 1], [0, 3, 3, 3, 3, 2], []),
    ([0, 0, NAN, 0, 0, 0], [3, 3, NAN, 3, 3, 3], []),
    ([0, 0, 0, 0], [1, 1, 1, 1], []),
    ([NAN, NAN], [NAN, NAN], []),
])
def test_idle_long_means_five_minutes_with_idle_instances_only(active, idle, idle_long):
    seen = ProjectActivity.of(0, np.array(active, float), np.array(idle, float))

    assert seen.minutes[seen.idle_long].tolist() == idle_long


def test_earlier_activity_is_kept():
    at_zero = activity(1, 2, 3, idle_long=[3])

    assert activity().after(at_zero).minutes.tolist() == [3]
    assert activity(50).after(at_zero).idle_long.tolist() == [True, False]
    assert activity(2, 3).after(at_zero).idle_long.tolist() == [False, True]
    assert activity(4).after(None).minutes.tolist() == [4]


def test_telemetry_is_broken_only_while_an_instance_is_kept_warm():
    assert telemetry_works(activity(95), 100, kept_warm=True) is True
    assert telemetry_works(activity(50), 100, kept_warm=True) is False
    assert telemetry_works(activity(50), 100, kept_warm=False) is None
    assert telemetry_works(activity(), 100, kept_warm=False) is None
