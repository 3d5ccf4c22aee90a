"""Instants as files write them: ISO 8601 and its kin, numbers since the epoch, local times of a zone that is told."""

import re
from collections.abc import Callable, Sequence
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
OFFSET = re.compile(r"(?:UTC|GMT)?([+-])([01]\d|2[0-3]):?([0-5]\d)?(?:\s*[\[(].*[\])])?", re.ASCII)
NUMBER = re.compile(r"\d+(\.\d+)?([eE]\+?\d+)?", re.ASCII)
UTC_NAMES = ("Z", "UTC", "GMT", "UT", "ZULU")
EPOCHS = {1: "seconds", 1_000: "milliseconds", 1_000_000: "microseconds", 1_000_000_000: "nanoseconds"}
FIRST, LAST = 100_000_000, 10_000_000_000
"""Seconds since the epoch that are taken for such: the years 1973 to 2286."""

WRITE = "write it like 2026-03-02T12:00:00Z"
ORDERS = {"ymd": "year/month/day", "dmy": "day/month/year", "mdy": "month/day/year"}


class Stamps(NamedTuple):
    """Seconds since the epoch, NaN where a local time cannot be told from another; and what to tell people."""

    times: list[float]
    said: list[str]


def read_stamps(texts: Sequence[str], told: str | None, default: str | None, at: Callable[[int], str]) -> Stamps:
    """The instants of a column, of which `at` says where a row stands.

    Times without a zone are read in the zone that was `told`, or else in the `default`; `NotImportable` when there is neither.
    """
    if texts and NUMBER.fullmatch(texts[0].strip()):
        return of_epoch(texts, at)
    order = day_order(texts, at)
    read = [one_stamp(text.strip(), order, partial(at, row)) for row, text in enumerate(texts)]
    local = [row for row, stamp in enumerate(read) if stamp.tzinfo is None]
    named = told or default
    if local and named is None:
        text = texts[local[0]].strip()
        raise NotImportable(f"{at(local[0])}: {text!r} has no time zone; give --timezone, such as UTC or Europe/Paris")
    said = [f"times of the form {texts[0].strip()!r}{'' if order == 'ymd' else f', {ORDERS[order]}'}"]
    times = [stamp.timestamp() if stamp.tzinfo is not None else 0.0 for stamp in read]
    if local and named is not None:
        resolved, more = of_zone([read[row] for row in local], named_zone(named), lambda each: at(local[each]))
        for row, time in zip(local, resolved, strict=True):
            times[row] = time
        how = "" if told is not None else ", because the format has no time zone; give --timezone if they are local"
        said += [f"times without a time zone are read as {named}{how}", *more]
    elif told is not None:
        said.append(f"times include a time zone; --timezone {told} is not needed")
    return Stamps(times, said)


def named_zone(name: str) -> ZoneInfo:
    """The zone that was told."""
    try:
        return zone(name)
    except ValueError as error:
        raise NotImportable(f"--timezone: {error}") from None


def of_epoch(texts: Sequence[str], at: Callable[[int], str]) -> Stamps:
    """Instants as numbers since the epoch, all in one unit."""
    first = float(texts[0])
    unit = next((unit for unit in EPOCHS if FIRST * unit <= first < LAST * unit), None)
    if unit is None:
        why = ", which looks like a day number of a spreadsheet" if 20_000 < first < 100_000 else ""
        raise NotImportable(f"{at(0)}: {texts[0].strip()!r} is no time since 1970{why}; {WRITE}")
    times = []
    for row, text in enumerate(texts):
        if not NUMBER.fullmatch(text.strip()) or not FIRST * unit <= float(text) < LAST * unit:
            raise NotImportable(f"{at(row)}: {text.strip()!r} is no time in {EPOCHS[unit]} since 1970 like the rows above; "
                                f"{WRITE}")
        times.append(float(text) / unit)
    return Stamps(times, [f"times in {EPOCHS[unit]} since 1970"])


def day_order(texts: Sequence[str], at: Callable[[int], str]) -> str:
    """Whether day or month stands first: by the dots of German dates, by numbers above 12 somewhere in the column."""
    first = STAMP.match(texts[0].strip()) if texts else None
    if first is None or len(first["a"]) > 2:
        return "ymd"
    found = [each for each in map(STAMP.match, (text.strip() for text in texts)) if each is not None]
    if all(each["sep"] == "." for each in found) or any(int(each["a"]) > 12 for each in found):
        return "dmy"
    if any(int(each["b"]) > 12 for each in found):
        return "mdy"
    raise NotImportable(f"{at(0)}: {texts[0].strip()!r} may have the day or the month first; {WRITE}")


def one_stamp(text: str, order: str, at: Callable[[], str]) -> datetime:
    """One instant, without a zone if it has none."""
    found = STAMP.fullmatch(text)
    if found is None:
        return of_mail(text, at)
    year, month, day = (int(found["abc"[order.index(part)]]) for part in "ymd")
    hour = int(found["hour"])
    if found["half"]:
        hour = hour % 12 + (12 if found["half"][0] in "pP" else 0)
    try:
        stamp = datetime(year, month, day, hour, int(found["minute"]), int(found["second"] or 0))  # noqa: DTZ001  (told below)
    except ValueError as error:
        raise NotImportable(f"{at()}: {text!r} is no time ({error}); {WRITE}") from None
    if not 1971 <= year <= 9998:
        raise NotImportable(f"{at()}: {text!r} is not within 1971 to 9998; correct the year")
    return with_zone(stamp, found["zone"].strip(), text, at)


def with_zone(stamp: datetime, name: str, text: str, at: Callable[[], str]) -> datetime:
    """A local time with the zone that is written behind it; without one if none is."""
    offset = OFFSET.fullmatch(name)
    if not name:
        return stamp
    if name.upper() in UTC_NAMES:
        return stamp.replace(tzinfo=UTC)
    if offset is not None:
        span = timedelta(hours=int(offset[2]), minutes=int(offset[3] or 0))
        return stamp.replace(tzinfo=timezone(span if offset[1] == "+" else -span))
    raise NotImportable(f"{at()}: {text!r} has the time zone {name!r}, which is no offset from UTC; take it out and give "
                        "--timezone")


def of_mail(text: str, at: Callable[[], str]) -> datetime:
    """An instant as e-mails and HTTP write it: Mon, 02 Mar 2026 00:00:00 GMT."""
    try:
        return parsedate_to_datetime(text)
    except (ValueError, TypeError):
        why = " (it has no time of day)" if re.fullmatch(r"\d{4}-\d\d-\d\d", text) else ""
        raise NotImportable(f"{at()}: {text!r} is no time{why}; {WRITE}") from None


def of_zone(local: Sequence[datetime], within: ZoneInfo, at: Callable[[int], str]) -> tuple[list[float], list[str]]:
    """Local times of a zone in UTC. What the clock passes twice is told by the order of rows, or else not at all (NaN)."""
    early, late = ([each.replace(tzinfo=within, fold=fold).timestamp() for each in local] for fold in (0, 1))
    twice = []
    for row, stamp in enumerate(local):
        if early[row] != late[row]:
            back = datetime.fromtimestamp(early[row], within).replace(tzinfo=None)
            if back != stamp:
                raise NotImportable(f"{at(row)}: {stamp} does not exist in {within.key}, whose clock leaves it out; the file is "
                                    "of another time zone")
            twice.append(row)
    unknown = unresolved(local, twice, early, late)
    said = []
    if len(twice) > len(unknown):
        said.append(f"{len(twice) - len(unknown)} times that occur twice at a clock change are resolved by the order of rows")
    if unknown:
        said.append(f"{len(unknown)} times from {local[unknown[0]]} on, which the clock of {within.key} passes twice, are left "
                    "unknown: the file does not say which hour is meant")
    for row in unknown:
        early[row] = nan
    return early, said


def unresolved(local: Sequence[datetime], twice: Sequence[int], early: list[float], late: Sequence[float]) -> list[int]:
    """Put the second of two passes into `early` where the order of rows shows it; return the rows where it does not."""
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
