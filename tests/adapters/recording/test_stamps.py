"""Times are read in many forms. A time that can be two instants is rejected or unknown."""

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


def read(*texts: str, timezone: str | None = None, default: str | None = None) -> Stamps:
    return read_stamps(texts, timezone, default, lambda row: f"f.csv:{row + 2}")


def refusal(*texts: str, timezone: str | None = None) -> str:
    with pytest.raises(NotImportable) as caught:
        read(*texts, timezone=timezone)
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
def test_an_instant_can_have_many_forms(text):
    assert read(text).times == [NOON]


@pytest.mark.parametrize(("text", "zone"), [
    ("2026-03-02 13:00:00", "Europe/Paris"), ("2026/03/02 13:00", "Europe/Paris"), ("02.03.2026 13:00", "Europe/Paris"),
    ("2026-03-02 07:00:00", "America/New_York"), ("2026-03-02T12:00", "UTC"),
])
def test_a_time_without_a_zone_is_read_in_the_given_one(text, zone):
    stamps = read(text, timezone=zone)

    assert stamps.times == [NOON]
    assert f"times without a time zone are read as {zone}" in stamps.notes


def test_a_note_reports_the_default_zone_of_a_format():
    assert "give --timezone if they are local" in read("2026-03-02 12:00:00", default="UTC").notes[-1]
    assert read("2026-03-02 13:00:00", timezone="Europe/Paris", default="UTC").times == [NOON]


def test_a_note_reports_an_unneeded_zone():
    assert "--timezone Europe/Paris is not needed" in read("2026-03-02T12:00:00Z", timezone="Europe/Paris").notes[-1]


@pytest.mark.parametrize(("texts", "order"), [
    (["13/03/2026 00:00", "02/03/2026 00:00"], "day/month/year"),
    (["03/13/2026 12:05 AM", "03/02/2026 1:05 PM"], "month/day/year"),
])
def test_the_column_determines_the_order_of_day_and_month(texts, order):
    stamps = read(*texts, timezone="UTC")

    assert order in stamps.notes[0]
    assert [datetime.fromtimestamp(time, UTC).day for time in stamps.times] == [13, 2]


def test_am_and_pm_are_read():
    times = read("03/13/2026 12:05 AM", "03/13/2026 12:05 p.m.", "03/13/2026 1:05 PM", timezone="UTC").times

    assert [datetime.fromtimestamp(time, UTC).hour for time in times] == [0, 12, 13]


@pytest.mark.parametrize(("texts", "says"), [
    (["2026-03-02 12:00:00"], "f.csv:2: '2026-03-02 12:00:00' has no time zone; give --timezone, such as UTC or Europe/Paris"),
    (["2026-03-02T12:00:00Z", "2026-03-02 12:01:00"], "f.csv:3: '2026-03-02 12:01:00' has no time zone"),
    (["2026-03-02 12:00:00 CET"], "has the time zone 'CET', which is not an offset from UTC; remove it and give --timezone"),
    (["03/02/2026 12:00"], "can have the day or the month first"), (["2026-03-02"], "is not a time (it has no time of day)"),
    (["2026-02-30T12:00:00Z"], "f.csv:2: '2026-02-30T12:00:00Z' is not a time (day "),
    (["soon"], "'soon' is not a time"),
    (["46083.5"], "which looks like a day number of a spreadsheet"), (["12"], "is not a time since 1970"),
    (["1772452800", "1772452860000"], "f.csv:3: '1772452860000' is not a time in seconds since 1970 like the rows above"),
    (["1772452800", "x"], "f.csv:3: 'x' is not a time in seconds"), (["0001-01-01T00:00:00Z"], "is not within 1971 to 9998"),
    ([""], "is not a time"),
])
def test_an_invalid_instant_is_rejected_with_its_line(texts, says):
    assert says in refusal(*texts)


def test_a_nonexistent_local_time_is_rejected():
    assert "f.csv:3: 2026-03-29 02:30:00 does not exist in Europe/Prague" in refusal(
        "2026-03-29 01:59:00", "2026-03-29 02:30:00", timezone="Europe/Prague")


AUTUMN = [f"2026-10-25 {hour:02d}:{minute:02d}:00" for hour in (1, 2, 2, 3) for minute in range(0, 60, 5)]


@pytest.mark.parametrize("rows", [AUTUMN, AUTUMN[::-1]], ids=["oldest first", "newest first"])
def test_repeated_local_times_are_resolved_by_order(rows):
    stamps = read(*rows, timezone="Europe/Prague")
    steps = {abs(later - sooner) for sooner, later in zip(stamps.times, stamps.times[1:], strict=False)}

    assert steps == {300.0}
    assert "24 times that occur twice at a clock change are resolved by the order of rows" in stamps.notes


def test_ambiguous_local_times_are_unknown():
    once = [row for number, row in enumerate(AUTUMN) if not 24 <= number < 36]
    stamps = read(*once, timezone="Europe/Prague")

    assert [isnan(time) for time in stamps.times] == [" 02:" in row for row in once]
    assert "12 times from 2026-10-25 02:00:00 on" in stamps.notes[-1]


def test_repeated_local_times_of_an_unordered_file_are_unknown():
    shuffled = [AUTUMN[number * 17 % len(AUTUMN)] for number in range(len(AUTUMN))]

    assert sum(map(isnan, read(*shuffled, timezone="Europe/Prague").times)) == 24


@examples(50)
@given(st.sampled_from(["Europe/Prague", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "Pacific/Apia"]),
       st.integers(0, 525_600), st.sampled_from([1, 5, 15]))
def test_local_times_in_order_are_never_read_as_another_instant(zone, minute, step):
    begin = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minute)
    instants = [begin + timedelta(minutes=step * row) for row in range(200)]
    texts = [f"{instant.astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M:%S}" for instant in instants]
    times = read(*texts, timezone=zone).times

    assert all(isnan(time) or time == instant.timestamp() for time, instant in zip(times, instants, strict=True))
