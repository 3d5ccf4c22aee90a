"""Reader of times in files: ISO 8601 and similar forms, numbers since the epoch, and local times of a given zone."""

import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta, timezone
from email.utils import parsedate_to_datetime
from functools import partial
from itertools import pairwise
from math import nan
from typing import NamedTuple
from zoneinfo import ZoneInfo

from adapters.recording.table import NotImportable
from config.model.zones import zone

STAMP = re.compile(
    r"(?P<a>\d{1,4})(?P<sep>[-/.])(?P<b>\d{1,2})(?P=sep)(?P<c>\d{1,4})(?:[T ]|,\s*|\s+)(?P<hour>\d{1,2}):(?P<minute>\d\d)"
    r"(?::(?P<second>\d\d)(?:[.,](?P<fraction>\d{1,9}))?)?\s*(?P<half>[AaPp]\.?[Mm]\.?)?\s*(?P<zone>.*)", re.ASCII)
COMPACT = re.compile(r"(\d{4})(\d\d)(\d\d)T?(\d\d)(\d\d)(\d\d)?(Z|[+-]\d\d:?\d\d)?", re.ASCII)
"""ISO 8601 in its form without separators."""
OFFSET = re.compile(r"(?:UTC|GMT)?([+-])([01]\d|2[0-3]):?([0-5]\d)?(?:\s*[\[(].*[\])])?", re.ASCII)
NUMBER = re.compile(r"\d+(\.\d+)?([eE]\+?\d+)?", re.ASCII)
UTC_NAMES = ("Z", "UTC", "GMT", "UT", "ZULU")
EPOCHS = {1: "seconds", 1_000: "milliseconds", 1_000_000: "microseconds", 1_000_000_000: "nanoseconds"}
FIRST, LAST = 100_000_000, 10_000_000_000
"""Range of numbers that are read as seconds since the epoch: the years 1973 to 2286."""

WRITE = "write it like 2026-03-02T12:00:00Z"
ORDERS = {"ymd": "year/month/day", "dmy": "day/month/year", "mdy": "month/day/year"}


class Stamps(NamedTuple):
    """Seconds since the epoch, NaN where a local time occurs twice and is ambiguous, with notes for the user."""

    times: list[float]
    notes: list[str]


def read_stamps(texts: Sequence[str], timezone: str | None, default: str | None, at: Callable[[int], str]) -> Stamps:
    """Return the instants of a column. `at` returns the place of a row, for messages.

    Times without a zone are in `timezone`, which the user has set, or else in `default`. Raise `NotImportable` without either.
    """
    if texts and NUMBER.fullmatch(texts[0].strip()):
        return of_epoch(texts, at)
    order = day_order(texts, at)
    read = [one_stamp(text.strip(), order, partial(at, row)) for row, text in enumerate(texts)]
    local = [row for row, stamp in enumerate(read) if stamp.tzinfo is None]
    assumed = timezone or default
    if local and assumed is None:
        text = texts[local[0]].strip()
        raise NotImportable(f"{at(local[0])}: {text!r} has no time zone; give --timezone, such as UTC or Europe/Paris")
    notes = [f"times of the form {texts[0].strip()!r}{'' if order == 'ymd' else f', {ORDERS[order]}'}"]
    times = [stamp.timestamp() if stamp.tzinfo is not None else 0.0 for stamp in read]
    if local and assumed is not None:
        resolved, more = of_zone([read[row] for row in local], named_zone(assumed), lambda each: at(local[each]))
        for row, time in zip(local, resolved, strict=True):
            times[row] = time
        how = "" if timezone is not None else ", because the format has no time zone; give --timezone if they are local"
        notes += [f"times without a time zone are read as {assumed}{how}", *more]
    elif timezone is not None:
        notes.append(f"times include a time zone; --timezone {timezone} is not needed")
    return Stamps(times, notes)


def named_zone(name: str) -> ZoneInfo:
    """Return the zone of that name. Raise `NotImportable` when there is none."""
    try:
        return zone(name)
    except ValueError as error:
        raise NotImportable(f"--timezone: {error}") from None


def of_epoch(texts: Sequence[str], at: Callable[[int], str]) -> Stamps:
    """Return the instants of a column of numbers since the epoch, all in one unit."""
    first = float(texts[0])
    unit = next((unit for unit in EPOCHS if FIRST * unit <= first < LAST * unit), None)
    if unit is None:
        why = ", which looks like a day number of a spreadsheet" if 20_000 < first < 100_000 else ""
        raise NotImportable(f"{at(0)}: {texts[0].strip()!r} is not a time since 1970{why}; {WRITE}")
    times = []
    for row, text in enumerate(texts):
        if not NUMBER.fullmatch(text.strip()) or not FIRST * unit <= float(text) < LAST * unit:
            raise NotImportable(f"{at(row)}: {text.strip()!r} is not a time in {EPOCHS[unit]} since 1970 like the rows above; "
                                f"{WRITE}")
        times.append(float(text) / unit)
    return Stamps(times, [f"times in {EPOCHS[unit]} since 1970"])


def day_order(texts: Sequence[str], at: Callable[[int], str]) -> str:
    """Return the order of year, month and day: from the dots of German dates, or from numbers above 12 in the column.

    Raise `NotImportable` when it is ambiguous.
    """
    first = STAMP.match(texts[0].strip()) if texts else None
    if first is None or len(first["a"]) > 2:
        return "ymd"
    matches = [each for each in map(STAMP.match, (text.strip() for text in texts)) if each is not None]
    if all(each["sep"] == "." for each in matches) or any(int(each["a"]) > 12 for each in matches):
        return "dmy"
    if any(int(each["b"]) > 12 for each in matches):
        return "mdy"
    raise NotImportable(f"{at(0)}: {texts[0].strip()!r} can have the day or the month first; {WRITE}")


def one_stamp(text: str, order: str, at: Callable[[], str]) -> datetime:
    """Return one instant, without a zone if the text has none."""
    compact = COMPACT.fullmatch(text)
    if compact is not None:
        text = "{}-{}-{}T{}:{}:{}{}".format(*compact.groups("")[:5], compact[6] or "00", compact[7] or "")
    match = STAMP.fullmatch(text)
    if match is None:
        return of_mail(text, at)
    year, month, day = (int(match["abc"[order.index(part)]]) for part in "ymd")
    hour = int(match["hour"])
    if match["half"]:
        hour = hour % 12 + (12 if match["half"][0] in "pP" else 0)
    try:
        stamp = datetime(year, month, day, hour, int(match["minute"]), int(match["second"] or 0))  # noqa: DTZ001  (zone set below)
    except ValueError as error:
        raise NotImportable(f"{at()}: {text!r} is not a time ({error}); {WRITE}") from None
    if not 1971 <= year <= 9998:
        raise NotImportable(f"{at()}: {text!r} is not within 1971 to 9998; correct the year")
    return with_zone(stamp, match["zone"].strip(), text, at)


def with_zone(stamp: datetime, name: str, text: str, at: Callable[[], str]) -> datetime:
    """Return a local time with the zone that follows it in the text; without a zone if none does."""
    offset = OFFSET.fullmatch(name)
    if not name:
        return stamp
    if name.upper() in UTC_NAMES:
        return stamp.replace(tzinfo=UTC)
    if offset is not None:
        span = timedelta(hours=int(offset[2]), minutes=int(offset[3] or 0))
        return stamp.replace(tzinfo=timezone(span if offset[1] == "+" else -span))
    if "/" in name:
        with suppress(ValueError):
            return stamp.replace(tzinfo=zone(name))
    raise NotImportable(f"{at()}: {text!r} has the time zone {name!r}, which is not an offset from UTC; remove it and give "
                        "--timezone")


def of_mail(text: str, at: Callable[[], str]) -> datetime:
    """Return an instant in the form of e-mails and HTTP: Mon, 02 Mar 2026 00:00:00 GMT."""
    try:
        return parsedate_to_datetime(text)
    except (ValueError, TypeError):
        why = " (it has no time of day)" if re.fullmatch(r"\d{4}-\d\d-\d\d", text) else ""
        raise NotImportable(f"{at()}: {text!r} is not a time{why}; {WRITE}") from None


def of_zone(local: Sequence[datetime], within: ZoneInfo, at: Callable[[int], str]) -> tuple[list[float], list[str]]:
    """Return local times of a zone as seconds since the epoch, with notes.

    A time that occurs twice at a clock change is resolved by the order of rows; it is NaN when that order does not show which.
    """
    early, late = ([each.replace(tzinfo=within, fold=fold).timestamp() for each in local] for fold in (0, 1))
    twice = []
    for row, stamp in enumerate(local):
        if early[row] != late[row]:
            back = datetime.fromtimestamp(early[row], within).replace(tzinfo=None)
            if back != stamp:
                raise NotImportable(f"{at(row)}: {stamp} does not exist in {within.key} because of a clock change; the file "
                                    "is in another time zone")
            twice.append(row)
    unknown = unresolved(local, twice, early, late)
    notes = []
    if len(twice) > len(unknown):
        notes.append(f"{len(twice) - len(unknown)} times that occur twice at a clock change are resolved by the order of rows")
    if unknown:
        notes.append(f"{len(unknown)} times from {local[unknown[0]]} on, which occur twice in {within.key} at a clock change, "
                     "are unknown: the file does not show which hour is meant")
    for row in unknown:
        early[row] = nan
    return early, notes


def unresolved(local: Sequence[datetime], twice: Sequence[int], early: list[float], late: Sequence[float]) -> list[int]:
    """Return the rows of `twice` that the order of rows does not resolve. Write the later instant of resolved rows to `early`."""
    steps = [after - before for before, after in pairwise(local)]
    forward = sum(step > timedelta(0) for step in steps)
    ascending = forward * 2 >= len(steps)
    rows = list(twice) if ascending else list(reversed(twice))
    backward = len(steps) - forward if ascending else forward
    unknown: list[int] = []
    of_day: dict[date, list[int]] = {}
    for row in rows:
        of_day.setdefault(local[row].date(), []).append(row)
    for passes in of_day.values():
        turn = next((index for index in range(1, len(passes)) if local[passes[index]] < local[passes[index - 1]]), None)
        if turn is None or backward > len(of_day) + len(steps) // 10:
            unknown += passes
            continue
        for row in passes[turn:]:
            early[row] = late[row]
    return sorted(unknown)
