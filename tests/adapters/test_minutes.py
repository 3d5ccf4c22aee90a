"""Arithmetic on metrics by the minute."""

import numpy as np

from adapters.minutes import bridged, filled, mean_by_requests

NAN = np.nan


def test_the_mean_duration_is_by_requests():
    assert mean_by_requests(np.array([1000, 2000, NAN]), np.array([10, 30, NAN])) == 1750
    assert mean_by_requests(np.array([NAN, 5.0, 5.0]), np.array([1, 0, NAN])) is None


def test_an_unknown_duration_is_the_last_known_one_or_else_the_first_or_else_the_usual():
    assert filled(np.array([NAN, 3, NAN, NAN, 5, NAN]), 9.0).tolist() == [3, 3, 3, 3, 5, 5]
    assert filled(np.array([NAN, NAN]), 9.0).tolist() == [9, 9]
    assert np.isnan(filled(np.array([NAN]), None)).all()


def test_silence_is_bridged_between_two_points_that_are_near_each_other():
    points = np.array([10, 25, 41])

    assert np.flatnonzero(bridged(points, 0, 60)).tolist() == [*range(10, 26), 41]
    assert not bridged(points[:0], 0, 60).any()
