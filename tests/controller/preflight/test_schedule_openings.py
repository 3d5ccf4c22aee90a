"""The next windows of a schedule are those in which it is active, over both changes of the clock."""

from datetime import UTC, datetime, timedelta
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.model.schedule import Schedule
from controller.preflight.schedule_openings import changes_within, gaps, next_openings, openings
from tests.examples import examples

NOW = datetime(2026, 3, 27, 12, tzinfo=UTC)


def schedule(cron: str, duration: str = "1h", timezone: str = "Europe/Paris", **more: object) -> Schedule:
    return Schedule.model_validate({"cron": cron, "duration": duration, "timezone": timezone, "min": 1} | more)


def test_windows_keep_their_wall_clock_time_over_a_clock_change():
    found = next_openings(schedule("0 8 * * *", "10h"), NOW, 4)

    assert [f"{each.local[0]:%d %H:%M}" for each in found] == ["27 08:00", "28 08:00", "29 08:00", "30 08:00"]
    assert [f"{each.start:%H:%M}" for each in found] == ["07:00", "07:00", "06:00", "06:00"]
    assert [f"{each.local[1]:%H:%M}" for each in found] == ["18:00"] * 4


def test_the_first_window_is_the_open_one_and_past_ones_are_left_out():
    assert [each.start.hour for each in next_openings(schedule("0 12 * * *", timezone="UTC"), NOW, 1)] == [12]
    assert [each.start.day for each in next_openings(schedule("0 11 * * *", timezone="UTC"), NOW, 1)] == [28]
    assert [each.start.day for each in next_openings(schedule("0 0 24 * *", "4d", timezone="UTC"), NOW, 1)] == [24]


def test_a_repeated_hour_lists_no_window_twice():
    autumn = datetime(2026, 10, 24, 12, tzinfo=UTC)
    starts = [each.start for each in next_openings(schedule("*/30 2 * * *", "10m"), autumn, 6)]

    assert starts == sorted(set(starts))


CRONS = st.sampled_from(["0 8 * * *", "*/30 2 * * *", "15 0 * * mon-fri", "0 2 * * sun", "30 23 L * *", "0 */6 * * *"])
ZONES = st.sampled_from(["UTC", "Europe/Paris", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"])


@examples(60)
@given(CRONS, ZONES, st.sampled_from(["10m", "1h", "10h", "2d"]), st.integers(0, 525_600), st.integers(0, 2880))
def test_an_instant_is_within_a_window_exactly_when_the_schedule_is_active(cron, zone, duration, minute, later):
    one = schedule(cron, duration, zone)
    now = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minute)
    at = now + timedelta(minutes=later)
    named = [each for each in islice(openings(one, now), 400) if each.start <= at < each.end]

    assert bool(named) == one.active(at)


@pytest.mark.parametrize(
    ("cron", "shortest", "longest"),
    [("0 8 * * *", 24, 24), ("0 8 * * mon-fri", 24, 72), ("0 */6 * * *", 6, 6), ("0 0 1 * *", 720, 744)],
)
def test_gaps_are_those_of_the_wall_clock(cron, shortest, longest):
    assert gaps(schedule(cron), NOW) == (timedelta(hours=shortest), timedelta(hours=longest))


def test_changes_are_where_other_windows_open_and_close():
    start = datetime(2026, 3, 28, tzinfo=UTC)
    others = [schedule("0 8 * * *", "2h", "UTC"), schedule("0 20 27 3 *", "6h", "UTC")]

    assert [f"{at:%d %H:%M}" for at in changes_within(others, start, start + timedelta(hours=10))] == [
        "28 00:00", "28 02:00", "28 08:00"]
