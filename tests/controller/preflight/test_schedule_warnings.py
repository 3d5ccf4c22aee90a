"""Schedules that change nothing, days by number and zones without summer time are named, and schedules that are right are not."""

from datetime import UTC, datetime

import pytest

from config.model.lever import LeverSettings
from config.model.policy import PoolPolicy
from controller.preflight.schedule_warnings import schedule_warnings

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)


def warnings(*schedules: dict[str, object], low: int = 0, high: int = 50, events: tuple[object, ...] = ()) -> list[str]:
    """The warnings of a pool, each with the end of its path."""
    plain = {"timezone": "Europe/Prague", "duration": "1h"}
    pool = PoolPolicy.model_validate({
        "name": "a", "lever": LeverSettings(kind="unknown"), "min": low, "max": high, "events": list(events),
        "schedules": [plain | one for one in schedules]})
    return [f"{path[0]}[{path[1]}].{path[2]}: {text}" for path, text in schedule_warnings(pool, NOW)]


NIGHTS = {"name": "nights", "cron": "0 20 * * *", "duration": "10h"}
OFFICE = {"name": "office", "cron": "0 8 * * mon-fri", "duration": "10h"}


@pytest.mark.parametrize("low", [0, 1, 5])
def test_a_floor_at_or_below_the_pools_min_has_no_effect(low):
    (found,) = warnings(NIGHTS | {"min": low}, low=5)

    assert found.startswith(f"schedules[0].min: min {low} has no effect: the pool's min is 5, and a schedule only raises")
    assert found.endswith(f"set min: {low} on the pool and add a schedule with min: 5 for the other hours" if low < 5
                          else "For more units at these times, set a min above 5")


@pytest.mark.parametrize("high", [50, 60])
def test_a_ceiling_at_or_above_the_pools_max_has_no_effect(high):
    (found,) = warnings(NIGHTS | {"max": high}, high=50)

    assert found.startswith(f"schedules[0].max: max {high} has no effect: the pool's max is 50, and a schedule only lowers")
    assert found.endswith("set max: 60 on the pool and add a schedule with max: 50 for the other hours" if high > 50
                          else "For fewer units at these times, set a max below 50")


def test_a_floor_always_covered_by_other_windows_has_no_effect():
    (found,) = warnings({"name": "noon", "cron": "0 12 * * mon-fri", "min": 3}, OFFICE | {"min": 5})

    assert found == ("schedules[0].min: min 3 has no effect in its next 25 windows (until 2027-01-01): "
                     "schedule 'office' with min 5 is active at the same time")


def test_a_floor_covered_by_two_windows_together_has_no_effect():
    halves = [{"name": name, "cron": f"0 {hour} * * *", "duration": "6h", "min": 5} for name, hour in (("am", 6), ("pm", 12))]
    (found,) = warnings({"name": "day", "cron": "0 6 * * *", "duration": "12h", "min": 3}, *halves)

    assert found.startswith("schedules[0].min: min 3 has no effect")


def test_of_two_equal_floors_the_second_has_no_effect():
    (found,) = warnings(OFFICE | {"min": 5}, OFFICE | {"name": "again", "min": 5})

    assert found.startswith("schedules[1].min: min 5 has no effect")


def test_a_floor_cut_by_lower_ceilings_is_named_with_its_effect():
    (found,) = warnings(OFFICE | {"min": 10}, {"name": "cap", "cron": "0 0 * * *", "duration": "1d", "max": 4})[:1]
    (nothing,) = warnings(OFFICE | {"min": 10}, NIGHTS | {"max": 4}, OFFICE | {"name": "cap", "max": 2}, low=2)

    assert "min 10 raises the floor to at most 4 in its next" in found
    assert nothing.startswith("schedules[0].min: min 10 has no effect in its next")
    assert "schedule 'cap' with max 2 is active at the same time" in nothing


def test_a_ceiling_covered_by_lower_ones_has_no_effect():
    (found,) = warnings(OFFICE | {"max": 10}, {"name": "all", "cron": "0 0 * * mon", "duration": "5d", "max": 4})

    assert found.startswith("schedules[0].max: max 10 has no effect in its next")
    assert "schedule 'all' with max 4 is active at the same time" in found


@pytest.mark.parametrize(
    "schedules",
    [
        (NIGHTS | {"min": 1}, OFFICE | {"min": 5}), (OFFICE | {"min": 3}, {"name": "noon", "cron": "0 12 * * *", "min": 5}),
        (OFFICE | {"min": 3, "max": 10}, NIGHTS | {"max": 10}), (OFFICE | {"min": 3}, OFFICE | {"name": "cap", "max": 10}),
        ({"cron": "0 0 24 12 *", "duration": "3d", "min": 9}, OFFICE | {"min": 5}), ({"cron": "0 0 29 2 *", "min": 9},),
        ({"cron": "0 0 * * mon-fri", "duration": "1d", "min": 1},), (OFFICE | {"min": 60},),
        ({"cron": "0 8 * * mon-fri/2", "min": 1},), ({"cron": "0 8 * * */2", "min": 1},), ({"cron": "0 8 L * *", "min": 1},),
    ],
)
def test_schedules_with_effect_have_no_warning(schedules):
    assert warnings(*schedules, high=100) == []


@pytest.mark.parametrize(
    ("cron", "duration", "says"),
    [
        ("0 0 * * *", "1d", "windows of 1d start every 1d, so the schedule is always active: set a shorter"),
        ("0 8 * * sat", "8d", "windows of 8d start every 7d, so the schedule is always active"),
        ("0 8 * * mon-fri", "2d", "windows of 2d start every 1d to 3d, so windows can overlap"),
    ],
)
def test_windows_that_last_longer_than_the_time_between_them_are_named(cron, duration, says):
    (found,) = warnings({"cron": cron, "duration": duration, "min": 3})

    assert found.startswith(f"schedules[0].duration: {says}")


@pytest.mark.parametrize(
    ("days", "says"),
    [
        ("2-6", "2-6 is tue-sat, because cron counts from 0 = Sunday (AWS and Quartz count from 1, so there it is mon-fri)"),
        ("0", "0 is sun, because cron counts from 0 = Sunday: write days by name"),
        ("5L", "5L is the last fri, because cron counts from 0 = Sunday (AWS and Quartz count from 1, so there it is the last"),
        ("6#3", "6#3 is sat#3"),
    ],
)
def test_days_by_number_are_shown_by_name(days, says):
    (found,) = warnings({"cron": f"0 8 * * {days}", "min": 3})

    assert found.startswith(f"schedules[0].cron: day of week {says}")


def test_a_cron_with_day_of_month_and_day_of_week_is_a_warning():
    (found,) = warnings({"cron": "0 8 13 * fri", "min": 3})

    assert "fires when either matches" in found


def test_zones_without_summer_time_are_named_of_schedules_and_events():
    event = {"name": "batch", "cron": "0 8 * * 2-6", "duration": "1h", "size": 4, "timezone": "Etc/GMT+5"}
    found = warnings(OFFICE | {"min": 3, "timezone": "EST"}, events=(event,))

    assert [each.partition(": ")[0] for each in found] == ["schedules[0].timezone", "events[0].timezone", "events[0].cron"]
    assert "write America/New_York" in found[0]
