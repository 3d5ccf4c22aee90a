"""Times are read in many forms, and one that could be two instants is refused or left unknown."""

from datetime import UTC, datetime, timedelta
from math import isnan
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.recording.stamps import Stamps, read_stamps
from adapters.recording.table import NotImportable
from tests.examples import examples

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC).timestamp()


def read(*texts: str, told: str | None = None, default: str | None = None) -> Stamps:
    return read_stamps(texts, told, default, lambda row: f"f.csv:{row + 2}")


def refusal(*texts: str, told: str | None = None) -> str:
    with pytest.raises(NotImportable) as caught:
        read(*texts, told=told)
    return str(caught.value)


@pytest.mark.parametrize("text", [
    "2026-03-02T12:00:00Z", "2026-03-02T12:00:00+00:00", "2026-03-02T12:00:00+0000", "2026-03-02 12:00:00 UTC",
    "2026-03-02 12:00 GMT",
    "2026-03-02T13:00:00+01:00", "2026-03-02T13:00:00+01", "2026-03-02T07:00:00.000-0500",
    "2026-03-02T13:00:00+01:00[Europe/Paris]",
    "2026/03/02 12:00:00Z", "2026-03-02T12:00:00,000Z", "2026-03-02 12:00:00 +0000", "2026-03-02T17:30:00+05:30",
    "2026-03-02T12:00:00z",
    "Mon, 02 Mar 2026 12:00:00 GMT", "1772452800", "1772452800.0", "1.7724528E9", "1772452800000", "1772452800000000",
    "1772452800000000000", " 2026-03-02T12:00:00Z ",
])
def test_an_instant_may_be_written_in_many_ways(text):
    assert read(text).times == [NOON]


@pytest.mark.parametrize(("text", "zone"), [
    ("2026-03-02 13:00:00", "Europe/Paris"), ("2026/03/02 13:00", "Europe/Paris"), ("02.03.2026 13:00", "Europe/Paris"),
    ("2026-03-02 07:00:00", "America/New_York"), ("2026-03-02T12:00", "UTC"),
])
def test_a_time_without_a_zone_is_read_in_the_one_that_was_told(text, zone):
    stamps = read(text, told=zone)

    assert stamps.times == [NOON]
    assert f"times without a time zone are read as {zone}" in stamps.said


def test_a_zone_of_a_format_is_said_to_be_assumed():
    assert "give --timezone if they are local" in read("2026-03-02 12:00:00", default="UTC").said[-1]
    assert read("2026-03-02 13:00:00", told="Europe/Paris", default="UTC").times == [NOON]


def test_a_zone_that_is_told_for_nothing_is_said():
    assert "--timezone Europe/Paris is not needed" in read("2026-03-02T12:00:00Z", told="Europe/Paris").said[-1]


@pytest.mark.parametrize(("texts", "order"), [
    (["13/03/2026 00:00", "02/03/2026 00:00"], "day/month/year"),
    (["03/13/2026 12:05 AM", "03/02/2026 1:05 PM"], "month/day/year"),
])
def test_whether_day_or_month_stands_first_shows_in_the_column(texts, order):
    stamps = read(*texts, told="UTC")

    assert order in stamps.said[0]
    assert [datetime.fromtimestamp(time, UTC).day for time in stamps.times] == [13, 2]


def test_halves_of_the_day_are_understood():
    times = read("03/13/2026 12:05 AM", "03/13/2026 12:05 p.m.", "03/13/2026 1:05 PM", told="UTC").times

    assert [datetime.fromtimestamp(time, UTC).hour for time in times] == [0, 12, 13]


@pytest.mark.parametrize(("texts", "says"), [
    (["2026-03-02 12:00:00"], "f.csv:2: '2026-03-02 12:00:00' has no time zone; give --timezone, such as UTC or Europe/Paris"),
    (["2026-03-02T12:00:00Z", "2026-03-02 12:01:00"], "f.csv:3: '2026-03-02 12:01:00' has no time zone"),
    (["2026-03-02 12:00:00 CET"], "has the time zone 'CET', which is no offset from UTC; take it out and give --timezone"),
    (["03/02/2026 12:00"], "may have the day or the month first"), (["2026-03-02"], "is no time (it has no time of day)"),
    (["2026-02-30T12:00:00Z"], "f.csv:2: '2026-02-30T12:00:00Z' is no time (day is out of range"),
    (["soon"], "'soon' is no time"),
    (["46083.5"], "which looks like a day number of a spreadsheet"), (["12"], "is no time since 1970"),
    (["1772452800", "1772452860000"], "f.csv:3: '1772452860000' is no time in seconds since 1970 like the rows above"),
    (["1772452800", "x"], "f.csv:3: 'x' is no time in seconds"), (["0001-01-01T00:00:00Z"], "is not within 1971 to 9998"),
    ([""], "is no time"),
])
def test_what_is_no_instant_is_refused_with_its_line(texts, says):
    assert says in refusal(*texts)


def test_a_local_time_that_the_clock_leaves_out_is_refused():
    assert "f.csv:3: 2026-03-29 02:30:00 does not exist in Europe/Prague" in refusal(
        "2026-03-29 01:59:00", "2026-03-29 02:30:00", told="Europe/Prague")


AUTUMN = [f"2026-10-25 {hour:02d}:{minute:02d}:00" for hour in (1, 2, 2, 3) for minute in range(0, 60, 5)]


@pytest.mark.parametrize("rows", [AUTUMN, AUTUMN[::-1]], ids=["oldest first", "newest first"])
def test_local_times_that_come_twice_are_told_apart_by_their_order(rows):
    stamps = read(*rows, told="Europe/Prague")
    steps = {abs(later - sooner) for sooner, later in zip(stamps.times, stamps.times[1:], strict=False)}

    assert steps == {300.0}
    assert "24 times that occur twice at a clock change are resolved by the order of rows" in stamps.said


def test_local_times_that_could_be_of_either_hour_are_unknown():
    once = [row for number, row in enumerate(AUTUMN) if not 24 <= number < 36]
    stamps = read(*once, told="Europe/Prague")

    assert [isnan(time) for time in stamps.times] == [" 02:" in row for row in once]
    assert "12 times from 2026-10-25 02:00:00 on" in stamps.said[-1]


def test_in_a_file_without_order_nothing_tells_them_apart():
    shuffled = [AUTUMN[number * 17 % len(AUTUMN)] for number in range(len(AUTUMN))]

    assert sum(map(isnan, read(*shuffled, told="Europe/Prague").times)) == 24


@examples(50)
@given(st.sampled_from(["Europe/Prague", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "Pacific/Apia"]),
       st.integers(0, 525_600), st.sampled_from([1, 5, 15]))
def test_local_times_in_order_are_never_read_as_another_instant(zone, minute, step):
    begin = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minute)
    instants = [begin + timedelta(minutes=step * row) for row in range(200)]
    texts = [f"{instant.astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M:%S}" for instant in instants]
    times = read(*texts, told=zone).times

    assert all(isnan(time) or time == instant.timestamp() for time, instant in zip(times, instants, strict=True))
