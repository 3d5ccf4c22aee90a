"""Requests in flight of one exporter: repeats, restarts, delays and wrong clocks."""

import pytest

from adapters.ports.reports import Impossible, Point, TooMany
from adapters.push import streams as module
from adapters.push.streams import Streams

START = 1_772_452_800.0


def point(at, value, stream="GET", *, since=-3600.0, **more):
    """A point of a sender's time `at`, in seconds after `START`; the sender started at `since`."""
    return Point(stream, value, int((START + since) * 1e9), int((START + at) * 1e9), **more)


def delta(start, at, value, stream="GET"):
    return point(at, value, stream, since=start, delta=True)


def fed(*exports):
    """Exports with their times of arrival after `START`."""
    streams = Streams(START - 3600)
    applied = [streams.apply(points, START + at) for at, *points in exports]
    return streams, applied


def test_the_streams_of_a_sender_add_up():
    streams, _ = fed((0, point(0, 2), point(0, 3, "POST")), (60, point(60, 1), point(60, 3, "POST")))

    assert streams.in_flight == 4


def test_an_export_in_two_parts_adds_up():
    streams, applied = fed((0, point(0, 2)), (0.1, point(0, 3, "POST")), (60, point(60, 1)), (60.2, point(60, 2, "POST")))

    assert (streams.in_flight, applied, streams.every) == (3, [True] * 4, 60)


def test_repeats_and_older_points_change_nothing():
    streams, applied = fed((0, point(0, 2)), (60, point(60, 5)), (61, point(60, 5)), (62, point(0, 2)))

    assert (streams.in_flight, applied) == (5, [True, True, False, False])


def test_a_restart_replaces_the_number():
    streams, _ = fed((0, point(0, 7)), (60, point(60, 1, since=30)))

    assert streams.in_flight == 1


def test_an_export_that_was_delayed_is_not_what_is_in_flight_now():
    streams, applied = fed((0, point(0, 2)), (60, point(60, 5)), (150, point(70, 0)))

    assert (streams.in_flight, applied[-1]) == (5, False)


@pytest.mark.parametrize("skew", [7 * 86400, -7 * 86400])
def test_a_clock_that_is_wrong_changes_nothing(skew):
    streams, applied = fed(*((at, point(at + skew, at / 60)) for at in range(0, 300, 60)))

    assert (streams.in_flight, applied) == (4, [True] * 5)


def test_after_its_clock_is_set_back_a_sender_is_unknown_and_then_counted_again():
    streams, applied = fed((0, point(0, 2)), (60, point(60, 2)), *((at, point(at - 7200, 9)) for at in range(120, 360, 60)))

    assert (streams.in_flight, applied) == (9, [True, True, False, False, True, True])


def test_after_its_clock_is_set_forward_and_back_a_sender_is_counted_again():
    streams, applied = fed((0, point(0, 2)), (60, point(3660, 3)), *((at, point(at, 4)) for at in range(120, 360, 60)))

    assert (streams.in_flight, applied[-1]) == (4, True)


def test_a_stream_that_ends_is_no_longer_counted():
    streams, _ = fed(*((at, point(at, 1), *([point(at, 3, "POST")] if at <= 60 else [])) for at in range(0, 300, 60)))
    ended, _ = fed((0, point(0, 1), point(0, 3, "POST")), (60, point(60, 1), point(60, 0, "POST", ended=True)))

    assert (streams.in_flight, ended.in_flight) == (1, 1)


def test_deltas_add_up_from_the_start_of_the_sender():
    streams, _ = fed((0, delta(-60, 0, 3)), (60, delta(0, 60, 2), delta(0, 60, 1, "POST")), (120, delta(60, 120, -4)),
                     (121, delta(60, 120, -4)))

    assert (streams.in_flight, streams.sure) == (2, True)


def test_deltas_of_two_intervals_in_one_export_add_up_in_their_order():
    streams, _ = fed((0, delta(-60, 0, 3)), (120, delta(60, 120, -1), delta(0, 60, 2)))

    assert (streams.in_flight, streams.sure) == (4, True)


def test_a_missing_delta_makes_the_sender_uncertain():
    streams, _ = fed((0, delta(-60, 0, 3)), (120, delta(60, 120, -1)))

    assert not streams.sure


def test_deltas_of_a_sender_that_ran_before_the_daemon_are_uncertain():
    streams = Streams(START)
    streams.apply([delta(-60, 0, 3)], START + 1)

    assert not streams.sure


def test_deltas_below_zero_are_uncertain():
    streams, _ = fed((0, delta(-60, 0, 3)), (60, delta(0, 60, -4)))

    assert (streams.sure, streams.in_flight) == (False, 0)


@pytest.mark.parametrize("value", [-1, 1e7])
def test_an_impossible_number_is_refused_and_changes_nothing(value):
    streams, _ = fed((0, point(0, 3)))
    with pytest.raises(Impossible, match="in flight: a number from 0 to"):
        streams.apply([point(60, value)], START + 60)

    assert (streams.in_flight, streams.apply([point(60, 4)], START + 60)) == (3, True)


def test_too_many_streams_are_refused(monkeypatch):
    monkeypatch.setattr(module, "MOST_STREAMS", 1)
    with pytest.raises(TooMany, match="use fewer attributes"):
        fed((0, point(0, 2), point(0, 3, "POST")))


def test_the_interval_is_the_longest_of_the_recent_ones():
    assert fed((0, point(0, 0)))[0].every == 60
    assert fed(*((at, point(at, 0)) for at in range(0, 31, 5)))[0].every == 5
    assert fed(*((at, point(at, 0)) for at in (0, 5, 10, 25, 30, 35)))[0].every == 15
