"""Calendar files: times of their entries, and faults with their line."""

from datetime import UTC, datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from adapters.kinds import policy_kinds
from config.loading.loader import PolicyError, load_policy
from config.model.event import windows_of
from config.model.ics import MOST_BYTES, BadCalendar, occurrences, read_calendar
from tests.examples import examples

FIRST, END = datetime(2026, 11, 20, tzinfo=UTC), datetime(2027, 1, 5, tzinfo=UTC)
HEAD = "BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:test\n"


def calendar(*entries: str, head: str = HEAD) -> bytes:
    body = "".join(f"BEGIN:VEVENT\nUID:{at}\n{entry}\nEND:VEVENT\n" for at, entry in enumerate(entries))
    return f"{head}{body}END:VCALENDAR\n".replace("\n", "\r\n").encode()


def found(raw: bytes, summary: str | None = None, zone: str = "Europe/Berlin") -> list[tuple[str, str, str]]:
    text = read_calendar(raw)
    return sorted((f"{begin:%m-%d %H:%M}", f"{end:%m-%d %H:%M}", called)
                  for begin, end, called in occurrences(text, FIRST, END, zone, summary))


@pytest.mark.parametrize(("entry", "expected"), [
    ("DTSTART:20261201T120000Z\nDURATION:PT90M\nSUMMARY:Launch", [("12-01 12:00", "12-01 13:30", "Launch")]),
    ("DTSTART;TZID=America/New_York:20261201T120000\nDTEND;TZID=America/New_York:20261201T130000\nSUMMARY:NY",
     [("12-01 17:00", "12-01 18:00", "NY")]),
    ("DTSTART:20261201T120000\nDURATION:PT1H\nSUMMARY:Floating", [("12-01 11:00", "12-01 12:00", "Floating")]),
    ("DTSTART;VALUE=DATE:20261224\nDTEND;VALUE=DATE:20261226\nSUMMARY:Days", [("12-23 23:00", "12-25 23:00", "Days")]),
    ("DTSTART;VALUE=DATE:20261224\nSUMMARY:Day", [("12-23 23:00", "12-24 23:00", "Day")]),
    ("DTSTART:20261201T120000Z\nDURATION:PT1H\nSUMMARY:Off\nSTATUS:CANCELLED", []),
    ("DTSTART:20261202T080000Z\nDURATION:PT1H\nSUMMARY:Weekly\nRRULE:FREQ=WEEKLY;COUNT=3\nEXDATE:20261209T080000Z",
     [("12-02 08:00", "12-02 09:00", "Weekly"), ("12-16 08:00", "12-16 09:00", "Weekly")]),
])
def test_an_entry_occurs_at_the_times_of_its_calendar(entry, expected):
    assert found(calendar(entry)) == expected


def test_entries_are_selected_by_summary_ignoring_case():
    raw = calendar("DTSTART:20261201T120000Z\nDURATION:PT1H\nSUMMARY:Big Webinar", "DTSTART:20261202T120000Z\nSUMMARY:Off")

    assert [called for _, _, called in found(raw, "WEBINAR")] == ["Big Webinar"]


def test_folded_lines_and_calendars_of_other_zones_are_read():
    raw = calendar("DTSTART:20261201T120000\nDURATION:PT1H\nSUMMARY:Lau\n nch", head=f"{HEAD}X-WR-TIMEZONE:Asia/Tokyo\n")

    assert found(raw) == [("12-01 03:00", "12-01 04:00", "Launch")]


@pytest.mark.parametrize(("raw", "line", "message"), [
    (b"", 1, "no entries"),
    (b"hello\n", 1, "not a calendar line"),
    (b"\xff\xfe", 1, "not UTF-8"),
    (b"x" * (MOST_BYTES + 1), 1, "at most 1,048,576 are read"),
    (b"BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART:20261201\n", 2, "has no END"),
    (b"BEGIN:VCALENDAR\nEND:VEVENT\n", 2, "END:VEVENT does not match VCALENDAR"),
    (calendar("SUMMARY:When?"), 4, "no DTSTART"),
    (calendar("DTSTART:20261201T120000Z", "DTSTART:2026-12-01"), 10, "DTSTART: "),
    (calendar("DTSTART:20261201T120000Z\nRRULE:FREQ=NEVER"), 7, "RRULE: "),
    (calendar("DTSTART:20261201T120000Z\nRRULE:FREQ=SECONDLY"), 7, "recurs within 1 h"),
    (calendar("DTSTART;TZID=Mars/Base:20261201T120000"), 6, "Mars/Base is not a known time zone"),
    (calendar("DTSTART:20261201T120000Z\nDTSTART:20261202T120000Z"), 6, "given twice"),
    (calendar("DTSTART:20261201T120000Z\nBEGIN:VEVENT\nEND:VEVENT\nDURATION:PT1H\nDURATION:PT1H"), 7, "the entry of line 4"),
    (calendar("DTSTART:20261201T120000Z\nDTEND:20261101T120000Z"), 7, "DTEND is before DTSTART"),
])
def test_an_invalid_calendar_is_reported_with_its_line(raw, line, message):
    with pytest.raises(BadCalendar) as caught:
        read_calendar(raw)

    assert (caught.value.line, message in caught.value.message) == (line, True), caught.value.message


LINES = st.sampled_from([
    "BEGIN:VEVENT", "END:VEVENT", "BEGIN:VCALENDAR", "END:VCALENDAR", "DTSTART:20261201T120000Z", "DTSTART:x", "DURATION:PT1H",
    "DTSTART;TZID=X:20261201T120000", "RRULE:FREQ=DAILY", "RRULE:FREQ=DAILY;UNTIL=x", " x", "EXDATE:20261201", "DURATION:-P1D",
    "SUMMARY:a", "SUMMARY", "DTEND;VALUE=DATE:20261201", ":", "RDATE:x"])


@example(b"\r\x00")
@examples(150)
@given(st.lists(LINES, max_size=9).map(lambda lines: "\n".join(lines).encode()) | st.binary(max_size=40)
       | st.lists(LINES, max_size=5).map(lambda lines: calendar("\n".join(lines))))
def test_any_bytes_are_read_or_rejected_with_a_line(raw):
    line, text = 1, ""
    try:
        text = read_calendar(raw)
    except BadCalendar as error:
        line = error.line

    assert 1 <= line <= raw.count(b"\n") + raw.count(b"\r") + 1
    assert all(begin.tzinfo is end.tzinfo is UTC for begin, end, _ in occurrences(text, FIRST, END, "Europe/Berlin", None))


POLICY = """version: 1
pools:
  - name: agent
    lever: {kind: lambda-provisioned-concurrency, region: us-east-1, function: agent, alias: live}
    max: 50
    events:
      - {name: launches, ics: launches.ics, factor: 3}
"""


@pytest.fixture
def policy(tmp_path):
    path = tmp_path / "policy.yaml"
    path.write_text(POLICY)
    return path


def problems(path) -> str:
    with pytest.raises(PolicyError) as caught:
        load_policy(path, policy_kinds())
    return str(caught.value)


def test_the_path_of_a_calendar_file_is_relative_to_the_policy(policy):
    (policy.parent / "launches.ics").write_bytes(calendar("DTSTART:20261201T120000Z\nDURATION:PT1H\nSUMMARY:Launch"))
    [event] = load_policy(policy, policy_kinds()).pools[0].events

    assert [one.name for one in windows_of(event, FIRST, END)] == ["launches: Launch"]
    assert event.place == f"{policy}:7:9 pools[0].events[0]"
    assert "VEVENT" not in event.model_dump_json()


def test_a_missing_calendar_file_is_reported_at_its_place_in_the_policy(policy):
    assert problems(policy) == f"{policy}:7:31 pools[0].events[0].ics: {policy.parent / 'launches.ics'} does not exist"
    (policy.parent / "launches.ics").mkdir()
    assert problems(policy).endswith("is not a regular file")


def test_an_invalid_calendar_file_is_reported_with_its_own_line(policy):
    file = policy.parent / "launches.ics"
    file.write_bytes(calendar("DTSTART:never"))

    assert problems(policy).startswith(f"{file}:6:1 DTSTART: ")
