"""Windows open by the cron expression in its zone, over midnight and both clock changes."""

from datetime import UTC, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import ValidationError

from config.model.schedule import Schedule, schedule_bounds, window_starts
from tests.examples import examples

DAYS = {"mon": 0, "tue": 1, "wed": 2, "thu": 3, "fri": 4, "sat": 5, "sun": 6}
ZONES = ["UTC", "Europe/Paris", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "America/St_Johns", "Asia/Beirut"]


def schedule(cron: str = "0 8 * * mon-fri", **changes: object) -> Schedule:
    return Schedule.model_validate({"cron": cron, "timezone": "Europe/Paris", "duration": "10h", "min": 3} | changes)


def at(text: str, timezone: str = "UTC") -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(timezone))


def floor_at(one: Schedule, when: datetime) -> int | None:
    return schedule_bounds((one,), when)[0]


def test_a_window_includes_its_start_and_excludes_its_end():
    office = schedule()

    assert floor_at(office, at("2026-03-02T07:59:59", "Europe/Paris")) is None
    assert floor_at(office, at("2026-03-02T08:00", "Europe/Paris")) == 3
    assert floor_at(office, at("2026-03-02T17:59:59.999", "Europe/Paris")) == 3
    assert floor_at(office, at("2026-03-02T18:00", "Europe/Paris")) is None


def test_day_names_exclude_the_weekend():
    office = schedule()

    assert [floor_at(office, at(f"2026-03-0{day}T12:00", "Europe/Paris")) for day in range(2, 9)] == [3, 3, 3, 3, 3, None, None]


def test_a_window_runs_over_midnight_in_its_zone_and_in_utc():
    night = schedule("0 22 * * fri", duration="8h")

    assert floor_at(night, at("2026-03-06T21:59", "Europe/Paris")) is None
    assert floor_at(night, at("2026-03-06T23:30", "Europe/Paris")) == 3
    assert floor_at(night, at("2026-03-07T05:59", "Europe/Paris")) == 3
    assert floor_at(night, at("2026-03-07T06:00", "Europe/Paris")) is None


def test_a_schedule_follows_daylight_saving_time():
    office = schedule("0 8 * * *", duration="1h")

    assert floor_at(office, at("2026-03-28T07:30")) == 3, "winter: 08:30 in Paris"
    assert floor_at(office, at("2026-03-29T07:30")) is None, "summer: 09:30 in Paris"
    assert floor_at(office, at("2026-03-29T06:30")) == 3


def test_a_nonexistent_hour_still_opens_a_window():
    skipped = schedule("30 2 29 3 *", duration="10m")  # Paris goes from 02:00 to 03:00 that night

    opened = [minute for minute in range(24 * 60) if floor_at(skipped, at("2026-03-29T00:00") + timedelta(minutes=minute))]

    assert len(opened) == 10
    assert opened[0] == 60, "at 03:00 in Paris"


def test_a_repeated_hour_opens_one_window():
    twice = schedule("30 2 25 10 *", duration="10m")  # Paris goes from 03:00 back to 02:00 that night

    opened = [minute for minute in range(24 * 60) if floor_at(twice, at("2026-10-25T00:00") + timedelta(minutes=minute))]

    assert opened == list(range(30, 40))


def test_duration_is_elapsed_time_over_a_clock_change():
    night = schedule("0 22 28 3 *", duration="8h")

    assert floor_at(night, at("2026-03-29T06:59", "Europe/Paris")) == 3, "one hour does not exist"
    assert floor_at(night, at("2026-03-29T07:00", "Europe/Paris")) is None


def test_a_window_of_31_days_is_open_in_its_last_minute():
    season = schedule("0 0 1 12 *", timezone="UTC", duration="31d")

    assert floor_at(season, at("2026-12-31T23:59")) == 3
    assert floor_at(season, at("2027-01-01T00:00")) is None


def test_the_highest_floor_and_lowest_ceiling_of_open_windows_apply():
    together = (
        schedule("0 8 * * *", min=3, max=None, name="day"), schedule("0 9 * * *", min=5, max=50, name="rush"),
        schedule("0 9 * * *", min=None, max=20, name="cap"), schedule("0 20 * * *", min=99, duration="1h", name="evening"),
    )
    noon = at("2026-03-02T12:00", "Europe/Paris")

    assert schedule_bounds(together, noon) == (5, 20, "rush and cap")
    assert schedule_bounds(together[:1], noon) == (3, None, "day")
    assert schedule_bounds(together[2:3], noon) == (None, 20, "cap")
    assert schedule_bounds(together[1:2], noon) == (5, 50, "rush")
    assert schedule_bounds((), noon) == (None, None, None)
    assert schedule_bounds(together, at("2026-03-02T05:00")) == (None, None, None)


def test_the_label_of_an_unnamed_schedule_is_its_cron_expression():
    assert schedule_bounds((schedule(),), at("2026-03-02T12:00"))[2] == "0 8 * * mon-fri Europe/Paris"


CRON_PARTS = st.tuples(
    st.sampled_from([0, 7, 30, 59]), st.integers(0, 23), st.sets(st.sampled_from(sorted(DAYS)), min_size=1, max_size=4),
)
MINUTES = st.integers(0, 4 * 365 * 24 * 60)


def open_by_brute_force(minute: int, hour: int, days: set[str], timezone: str, duration: timedelta, now: datetime) -> bool:
    """Return by brute force whether a window is open: step back by minutes until local time is its start."""
    seen, weekdays = now.replace(second=0, microsecond=0), {DAYS[d] for d in days}
    while now - seen < duration:
        shown = local_times(timezone, seen)
        if any((each.hour, each.minute) == (hour, minute) and each.weekday() in weekdays for each in shown):
            return True
        seen -= timedelta(minutes=1)
    return False


@cache
def local_times(timezone: str, instant: datetime) -> list[datetime]:
    """Return the local times that count at an instant: none at its second occurrence; at a clock change, nonexistent ones too."""
    wall, before = (each.astimezone(ZoneInfo(timezone)) for each in (instant, instant - timedelta(minutes=1)))
    skipped = max(0, int((wall.replace(tzinfo=None) - before.replace(tzinfo=None)).total_seconds() // 60) - 1)
    return [wall.replace(tzinfo=None) - timedelta(minutes=ago) for ago in range(1 + skipped)] if wall.fold == 0 else []


@examples(60)
@given(CRON_PARTS, st.sampled_from(ZONES), st.sampled_from([1, 45, 600, 1500]), MINUTES)
@example((30, 2, {"sun"}), "Europe/Paris", 45, 1 + 31 + 28)
def test_bounds_agree_with_brute_force(parts, timezone, minutes, offset):
    minute, hour, days = parts
    duration = timedelta(minutes=minutes)
    one = schedule(f"{minute} {hour} * * {','.join(sorted(days))}", timezone=timezone, duration=duration)
    now = datetime(2024, 1, 1, tzinfo=UTC) + timedelta(minutes=offset)

    assert (floor_at(one, now) == 3) is open_by_brute_force(minute, hour, days, timezone, duration, now)


@pytest.mark.parametrize("timezone", ZONES)
@pytest.mark.parametrize("day", ["2026-03-28", "2026-10-24", "2026-04-04", "2026-11-01", "2026-03-08"])
def test_bounds_agree_with_brute_force_around_clock_changes(timezone, day):
    one = schedule("30 2 * * *", timezone=timezone, duration="40m")
    start = at(f"{day}T00:00")

    for step in range(0, 3 * 24 * 60, 20):
        now = start + timedelta(minutes=step)
        assert (floor_at(one, now) == 3) is open_by_brute_force(30, 2, set(DAYS), timezone, timedelta(minutes=40), now), now


def test_cron_is_evaluated_once_per_day():
    once = schedule("11 8 * * *", timezone="Asia/Tokyo")
    asked = window_starts.cache_info().misses
    for minute in range(14 * 24 * 60):
        floor_at(once, at("2026-05-01T00:00") + timedelta(minutes=minute))

    assert window_starts.cache_info().misses - asked <= 14


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"cron": "0 8 * *"}, "is not five cron fields"),
        ({"cron": "61 8 * * *"}, "minute is '61': allowed: 0 to 59"),
        ({"cron": "0 8 * * fri-sun"}, "write fri,sat,sun"),
        ({"cron": "0 0 31 2 *"}, "month 2 has at most 29 days"),
        ({"cron": "0 0 * 2 5L/2"}, "day-of-week is '5l/2'"),
        ({"timezone": "Europe/Pariss"}, "is not an IANA time zone"),
        ({"timezone": "../etc/passwd"}, "is not an IANA time zone"),
        ({"timezone": "Europe"}, "is not an IANA time zone"),
        ({"timezone": ""}, "is not an IANA time zone"),
        ({"duration": "0s"}, "a window lasts from 1m to 31d"),
        ({"duration": "32d"}, "a window lasts from 1m to 31d"),
        ({"min": None}, "needs min, max or both"),
        ({"min": 5, "max": 4}, "max 4 is below min 5"),
        ({"min": -1}, "greater than or equal to 0"),
        ({"min": 3.0}, "valid integer"),
        ({"min": True}, "valid integer"),
    ],
)
def test_an_invalid_schedule_is_rejected(changes, message):
    with pytest.raises(ValidationError, match=message):
        schedule(**changes)


PIECES = ["*", "0", "5", "*/7", "1-5", "L", "LW", "fri", "5L", "mon#2", "mon#2/3", "L/2", "29", "2", "31", "1,15", "0/0", "*/*"]


@given(
    st.text(alphabet="0123456789*,-/#LWlmonfrisu ", max_size=24)
    | st.lists(st.sampled_from(PIECES), min_size=5, max_size=5).map(" ".join)
)
def test_any_text_is_a_cron_expression_or_rejected(text):
    try:
        one = schedule(text)
    except ValidationError:
        return
    assert schedule_bounds((one,), at("2026-03-02T12:00"))[0] in {None, 3}
