"""Windows of events: in their zone, over midnight and both clock changes, on holidays and by calendar files."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from config.model.event import Event, windows_of
from tests.examples import examples

ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "America/St_Johns"]
YEAR = datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)


def event(**keys: object) -> Event:
    return Event.model_validate({"name": "launch", "factor": 3} | keys)


def spans(one: Event, first: datetime = YEAR[0], end: datetime = YEAR[1]) -> list[tuple[str, str]]:
    return [(f"{each.start:%m-%d %H:%M}", f"{each.end:%m-%d %H:%M}") for each in windows_of(one, first, end)]


def complaint(**keys: object) -> str:
    with pytest.raises(ValidationError) as caught:
        event(**keys)
    [error] = caught.value.errors()
    return f"{'.'.join(map(str, (*error['loc'], *error.get('ctx', {}).get('at', ()))))}: {error['msg']}"


@pytest.mark.parametrize(("keys", "expected"), [
    ({"start": "2026-12-01T12:00", "duration": "2h"}, ("12-01 12:00", "12-01 14:00")),
    ({"start": "2026-12-01 12:00:30", "end": "2026-12-01T14:00Z"}, ("12-01 12:00", "12-01 14:00")),
    ({"start": "2026-12-01T12:00", "duration": "2h", "timezone": "Europe/Berlin"}, ("12-01 11:00", "12-01 13:00")),
    ({"start": "2026-12-01T12:00-05:00", "duration": "2h", "timezone": "Europe/Berlin"}, ("12-01 17:00", "12-01 19:00")),
    ({"start": "2026-12-24", "end": "2026-12-26"}, ("12-24 00:00", "12-27 00:00")),
    ({"start": "2026-03-29", "end": "2026-03-29", "timezone": "Europe/Berlin"}, ("03-28 23:00", "03-29 22:00")),
])
def test_a_single_event_has_one_window(keys, expected):
    assert spans(event(**keys)) == [expected]


def test_a_repeated_event_follows_its_zone_over_midnight_and_daylight_saving_time():
    nightly = event(cron="30 23 * * *", duration="2h", timezone="Europe/Berlin")
    first = datetime(2026, 3, 27, 23, 0, tzinfo=UTC)

    assert spans(nightly, first, first + timedelta(days=3)) == [
        ("03-27 22:30", "03-28 00:30"),  # starts before the span
        ("03-28 22:30", "03-29 00:30"), ("03-29 21:30", "03-29 23:30"), ("03-30 21:30", "03-30 23:30")]


def test_holidays_are_whole_days_in_the_zone_and_subdivision():
    bavaria, berlin = (event(factor=0.4, holidays={"country": "DE", "subdivision": part}, timezone="Europe/Berlin")
                       for part in ("BY", "BE"))
    names = {one.name for one in windows_of(bavaria, *YEAR)}

    assert ("01-05 23:00", "01-06 23:00") in spans(bavaria)  # Epiphany
    assert ("01-05 23:00", "01-06 23:00") not in spans(berlin)
    assert "launch: Epiphany" in names
    assert {one.kind for one in windows_of(bavaria, *YEAR)} == {"launch"}


@pytest.mark.parametrize(("keys", "message"), [
    ({}, "give exactly one of start, cron, holidays, ics: none is given"),
    ({"start": "2026-12-01", "cron": "0 8 * * *", "duration": "1h"}, "start and cron is given"),
    ({"cron": "*/30 * * * *", "duration": "5m"}, "cron: the event recurs within 1 h"),
    ({"cron": "0 * * * *", "duration": "1d"}, "duration: it is longer than two intervals of cron: shorten it"),
    ({"cron": "0 8 * * *"}, "cron: an event with cron needs a duration"),
    ({"start": "2026-12-01"}, "start: an event with a start has exactly one of end and duration"),
    ({"start": "2026-12-01", "end": "2026-12-02", "duration": "1h"}, "exactly one of end and duration"),
    ({"start": "2026-12-01T12:00", "end": "2026-12-01T11:00"}, "is not after start"),
    ({"start": "2026-12-01", "end": "2027-12-01"}, "end: an event lasts from 1m to 31d"),
    ({"start": "2026-13-01", "duration": "1h"}, "start: '2026-13-01' is not an instant"),
    ({"start": "20261201", "duration": "1h"}, "start: '20261201' is not an instant"),
    ({"start": "0001-01-01T00:00+14:00", "duration": "1h"}, "is not an instant"),
    ({"cron": "0 8 * *", "duration": "1h"}, "cron: '0 8 * *' is not five cron fields"),
    ({"cron": "0 8 * * *", "duration": "1h", "timezone": "Mars/Base"}, "timezone: 'Mars/Base' is not an IANA time zone"),
    ({"cron": "0 8 * * *", "duration": "1h", "size": 3}, "give exactly one of factor and size"),
    ({"cron": "0 8 * * *", "duration": "1h", "factor": None}, "give exactly one of factor and size"),
    ({"cron": "0 8 * * *", "duration": "1h", "lead": "2d"}, "lead: 2d is too long"),
    ({"cron": "0 8 * * *", "duration": "1h", "summary": "x"}, "summary: summary selects entries of a calendar file"),
    ({"holidays": {"country": "de"}}, "holidays: no holidays are available for country 'de': did you mean DE?"),
    ({"holidays": {"country": "DE", "subdivision": "Bayern"}}, "no holidays are available for subdivision 'Bayern' of DE"),
    ({"holidays": {"country": "DE"}, "duration": "1h"}, "duration: holidays and calendar entries have their own length"),
])
def test_contradictory_keys_are_reported_at_their_place(keys, message):
    assert message in complaint(**keys)


@examples(60)
@given(zone=st.sampled_from(ZONES), hour=st.integers(0, 23), minute=st.integers(0, 59), hours=st.integers(1, 30),
       day=st.integers(0, 364))
def test_a_daily_event_opens_once_per_local_day_and_has_its_duration_over_clock_changes(zone, hour, minute, hours, day):
    daily = event(cron=f"{minute} {hour} * * *", duration=f"{hours}h", timezone=zone)
    first = YEAR[0] + timedelta(days=day)
    found = windows_of(daily, first, first + timedelta(days=3))

    assert all(each.end - each.start == timedelta(hours=hours) for each in found)
    days = [each.start.astimezone(ZoneInfo(zone)).date() for each in found]
    assert days == sorted(set(days))
    assert {first.astimezone(ZoneInfo(zone)).date() + timedelta(days=1 + at) for at in range(2)} <= set(days)


def test_two_halves_of_a_span_have_the_windows_of_the_whole():
    nightly = event(cron="0 22 * * *", duration="5h", timezone="America/New_York")
    first, middle, end = (datetime(2026, 11, day, 4, tzinfo=UTC) for day in (1, 2, 4))

    assert set(windows_of(nightly, first, middle)) | set(windows_of(nightly, middle, end)) == set(windows_of(nightly, first, end))
