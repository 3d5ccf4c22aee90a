"""Errors of a history's timestamps, with the correction by an import."""

import pytest

from adapters.demand.history_times import TimeProblem, minute_at, time_axis


def stamps(*minutes: int) -> list[str]:
    return [f"2026-03-02T{minute // 60:02d}:{minute % 60:02d}:00Z" for minute in minutes]


@pytest.mark.parametrize(("minutes", "row", "says", "does"), [
    ((26, 59, 23), 2, "is earlier than the row above it; sort the rows by time", "sorts them"),
    ((0, 1, 3, 2), 3, "is earlier than the row above it", "sorts them"),
    ((0, 5, 10), 1, "the rows are 5 minutes apart; write one for each minute", "converts them to minutes"),
    ((0, 5, 15), 1, "the rows are 5 minutes apart", "converts them to minutes"),
    ((0, 1, 1, 2), 2, "appears twice; keep one row for each minute", "merges rows that agree"),
    ((0, 1, 4), 2, "2 minutes are missing before 2026-03-02T00:04:00Z; add a row for each, with empty cells", "adds them"),
    ((0, 1, 3), 2, "1 minute is missing before", "adds them"), ((0, 5), 1, "4 minutes are missing before", "adds them"),
])
def test_wrong_steps_are_named(minutes, row, says, does):
    found = time_axis(stamps(*minutes))

    assert isinstance(found, TimeProblem)
    assert (found.row, found.does) == (row, does)
    assert says in found.what


@pytest.mark.parametrize(("stamp", "says", "does", "options"), [
    ("2026-03-02 12:00:00 UTC", "is UTC, but does not end in Z", "converts it", ""),
    ("2026-03-02T12:00:00+0000", "is UTC, but does not end in Z", "converts it", ""),
    ("2026-03-02T12:00:00z", "has the time zone z", "converts it", ""),
    ("2026-03-02T12:00:00+02:00", "has the time zone +02:00; convert it to UTC and end it in Z", "converts it", ""),
    ("2026-03-02T12:00:00", "has no time zone; convert it to UTC", "reads it as a time of ZONE", " --timezone ZONE"),
    ("2026/03/02 12:00:00", "is not a timestamp; write 2026-03-02T12:00:00Z", "reads other forms", ""),
    ("2026-03-02T12:00:30Z", "is not the start of a minute", "converts it to minutes", ""),
    ("2026-02-30T12:00:00Z", "is not a timestamp (day ", "", ""),
])
def test_wrong_timestamps_are_named(stamp, says, does, options):
    found = time_axis([stamp])

    assert isinstance(found, TimeProblem)
    assert (found.does, found.options) == (does, options)
    assert says in found.what
    assert minute_at(stamp) == found.what
