"""The chart: what is warm and what is not can be told apart, and the newest minute is rightmost."""

from datetime import UTC, datetime, timedelta

import pytest

from controller.demo.bar_chart import COLD, IDLE, WARM, Point, cell, draw

START = datetime(2026, 3, 3, 9, 0, tzinfo=UTC)


def points(*pairs: tuple[float | None, int]) -> list[Point]:
    return [Point(START + timedelta(minutes=at), peak, ready) for at, (peak, ready) in enumerate(pairs)]


@pytest.mark.parametrize(("peak", "ready", "row", "expected"), [
    (4, 4, 0, ("█", WARM)),       # served warm
    (4, 0, 0, ("x", COLD)),       # nothing was warm
    (4, 2, 1, ("█", WARM)),       # the lower half of four, two a row
    (4, 1, 1, ("x", COLD)),
    (0, 4, 0, ("░", IDLE)),       # warm, and nobody came
    (None, 0, 0, (" ", IDLE)),    # nobody knows
    (1, 1, 0, ("▄", WARM)),       # half a row
])
def test_a_cell_shows_whether_its_demand_was_served_warm(peak, ready, row, expected):
    shown = cell(Point(START, peak, ready), row, 0.5 if row == 0 and peak != 4 else 1.0)

    assert shown == expected


def test_the_newest_minute_is_rightmost_and_old_ones_are_cut_at_the_left():
    lines = draw(points(*[(1, 1)] * 5, (8, 8)), width=4, height=2)

    assert [len(line) for line in lines] == [4, 4, 4]
    assert lines[0].plain == "   █"


def test_few_points_leave_the_left_empty():
    lines = draw(points((2, 2)), width=6, height=1)

    assert lines[0].plain == "     █"


def test_times_are_below_their_minute():
    lines = draw(points(*[(1, 1)] * 20), width=20, height=1)

    assert lines[-1].plain.startswith("09:00")
    assert lines[-1].plain[15:20] == "09:15"


def test_no_points_draw_an_empty_chart():
    assert draw([], width=5, height=2)[0].plain == "     "
