"""Calendar files (RFC 5545) of announced events, read by icalendar and recurring-ical-events, imported when a policy names one.

A file is checked once, when the policy is read, and every fault has its line. Later expansion of a checked file does not fail.
"""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, time
from typing import Any, NamedTuple

from config.model.schedule import A_DAY, LONGEST_WINDOW
from config.model.zones import zone

MOST_BYTES = 1024 * 1024
"""About 3,000 entries."""

LINE = re.compile(r"[A-Za-z0-9-]+[;:]")
TOO_OFTEN = ("SECONDLY", "MINUTELY")


class BadCalendar(ValueError):
    """Fault of a calendar file, with its line, counted from 1."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line, self.message = line, message


class Entry(NamedTuple):
    """Line where an entry starts in the file, and line of each of its properties."""

    line: int
    properties: dict[str, int]


def read_calendar(raw: bytes) -> str:
    """Return the text of a calendar file. Raise `BadCalendar` when it cannot be used, and nothing else for any bytes."""
    if len(raw) > MOST_BYTES:
        raise BadCalendar(1, f"the file has {len(raw):,} bytes: at most {MOST_BYTES:,} are read")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadCalendar(raw[: error.start].count(b"\n") + 1, "not UTF-8: export the calendar in UTF-8") from error
    entries = structure(text)
    check_entries(text, entries)
    return text


def structure(text: str) -> list[Entry]:
    """Return every entry (VEVENT) of the file. Raise `BadCalendar` when its lines are not one calendar."""
    open_parts: list[tuple[str, int]] = []
    entries: list[Entry] = []
    for number, line in enumerate(re.split(r"\r\n|\n|\r", text), start=1):
        if not line.strip() or line[0] in " \t":  # a leading space or tab continues the line before
            continue
        if not LINE.match(line) or (not open_parts and line.upper().rstrip() != "BEGIN:VCALENDAR"):
            raise BadCalendar(number, "not a calendar line: a calendar starts with BEGIN:VCALENDAR and its lines are NAME:VALUE")
        name, part = re.split("[;:]", line.upper(), maxsplit=1)[0], line.upper().partition(":")[2].strip()
        if name == "BEGIN":
            if part == "VEVENT":
                around = next((start for kind, start in open_parts if kind == part), None)
                if around is not None:
                    raise BadCalendar(number, f"an entry starts within the entry of line {around}: add END:VEVENT before it")
                entries.append(Entry(number, {}))
            open_parts.append((part, number))
        elif name == "END":
            if open_parts[-1][0] != part:
                raise BadCalendar(number, f"END:{part:.60} does not match {open_parts[-1][0]} of line {open_parts[-1][1]}")
            open_parts.pop()
        elif open_parts[-1][0] == "VEVENT":
            entries[-1].properties.setdefault(name, number)
    if open_parts:
        raise BadCalendar(open_parts[-1][1], f"{open_parts[-1][0]} starts here and has no END: the file is truncated")
    return entries


def check_entries(text: str, entries: list[Entry]) -> None:
    """Raise `BadCalendar` when an entry cannot be read or expanded."""
    if not entries:
        raise BadCalendar(1, "the calendar has no entries (VEVENT)")
    try:
        calendar = parsed(text)
    except ValueError as error:
        raise BadCalendar(1, f"not a calendar: {error!s:.200}") from error
    for entry, event in zip(entries, calendar.walk("VEVENT"), strict=True):
        for name, fault in event.errors:
            raise BadCalendar(entry.properties.get(str(name), entry.line), f"{name}: {fault!s:.200}")
        if "DTSTART" not in entry.properties:
            raise BadCalendar(entry.line, "the entry has no DTSTART: add its start")
        for name in ("DTSTART", "DTEND", "DURATION", "RRULE", "SUMMARY", "STATUS"):
            if isinstance(event.get(name), list):
                raise BadCalendar(entry.properties[name], f"{name} is given twice in one entry")
        for name in ("DTSTART", "DTEND"):
            if name in event and "TZID" in event[name].params and getattr(event[name].dt, "tzinfo", None) is None:
                zone_name = str(event[name].params["TZID"])
                raise BadCalendar(entry.properties[name], f"{name}: {zone_name:.60} is not a known time zone")
        if "DTEND" in event and placed(event["DTEND"].dt, "UTC") < placed(event["DTSTART"].dt, "UTC"):
            raise BadCalendar(entry.properties["DTEND"], "DTEND is before DTSTART")
        rule = event["RRULE"].to_ical().decode() if "RRULE" in event else ""
        if any(f"FREQ={often}" in rule.upper() for often in TOO_OFTEN):
            raise BadCalendar(entry.properties["RRULE"], f"{rule:.60}: the event recurs within 1 h; allowed: 1 h or more")
        check_expansion(event, entry)


def check_expansion(event: Any, entry: Entry) -> None:  # noqa: ANN401  (icalendar's components)
    """Raise `BadCalendar` unless the days around the entry's start can be expanded."""
    from icalendar import Calendar

    alone = Calendar()
    alone.add_component(event)
    try:
        start = event["DTSTART"].dt
        day = datetime(start.year, start.month, start.day)  # noqa: DTZ001  (compared by day only)
        expanded(alone, day - A_DAY, day + 370 * A_DAY)
    except Exception as error:  # the libraries raise many types for invalid values
        raise BadCalendar(entry.line, f"the entry cannot be expanded: {error!s:.200}") from error


def parsed(text: str) -> Any:  # noqa: ANN401  (icalendar's components)
    """Return the calendar in `text`."""
    from icalendar import Calendar

    return Calendar.from_ical(text)


def expanded(calendar: Any, first: datetime, end: datetime) -> list[Any]:  # noqa: ANN401
    """Return the entries between two instants, with repeated entries expanded."""
    import recurring_ical_events

    return list(recurring_ical_events.of(calendar).between(first, end))


def occurrences(text: str, first: datetime, end: datetime, timezone: str,
                summary: str | None) -> Iterator[tuple[datetime, datetime, str]]:
    """Yield start, end (UTC) and summary of each entry that may overlap the span, of a text that `read_calendar` accepted.

    Days, and times without a zone, are in `timezone`. Cancelled entries are omitted.
    """
    if not text:
        return
    for entry in expanded(parsed(text), first - A_DAY, end + A_DAY):
        text = " ".join(str(entry.get("SUMMARY", "")).split())
        if str(entry.get("STATUS", "")).upper() == "CANCELLED" or (summary or "").casefold() not in text.casefold():
            continue
        start = placed(entry["DTSTART"].dt, timezone)
        over = placed(entry["DTEND"].dt, timezone) if "DTEND" in entry else start
        yield start, min(over, start + LONGEST_WINDOW), text[:80]


def placed(at: date | datetime, timezone: str) -> datetime:
    """Return the instant in UTC."""
    if not isinstance(at, datetime):
        at = datetime.combine(at, time())
    return (at if at.tzinfo is not None else at.replace(tzinfo=zone(timezone))).astimezone(UTC)
