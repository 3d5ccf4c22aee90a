"""Timestamps of a history file: one a minute, in UTC, in order; errors of others, and whether an import corrects them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

import numpy as np

from forecasting.demand import minute_of

FIRST_YEAR, LAST_YEAR = 1970, 9998
"""Limits that leave room for calculations with instants."""

STAMP = re.compile(
    r"(?P<day>\d{4}-\d\d-\d\d)(?P<between>[T ])(?P<minute>\d\d:\d\d)(?P<seconds>:\d\d(?:\.\d+)?)?(?P<zone>.*)", re.ASCII)
UTC_ZONES = ("Z", "+00:00")
UTC_NAMES = ("", "UTC", "GMT", "UT")


@dataclass(frozen=True, slots=True)
class StampStyle:
    """Form of a file's timestamps, to write derived files in the same form."""

    between: str = "T"
    seconds: str = ":00"
    zone: str = "Z"

    def write(self, first_minute: int, minutes: int) -> list[str]:
        """Return `minutes` timestamps from `first_minute` (minutes since the epoch) on, one a minute."""
        span = np.arange(first_minute, first_minute + minutes, dtype=np.int64).astype("datetime64[m]")
        text = np.datetime_as_string(span, unit="m").tolist()
        after = self.seconds + self.zone
        if self.between == "T":
            return [stamp + after for stamp in text]
        return [f"{stamp[:10]}{self.between}{stamp[11:]}{after}" for stamp in text]


class TimeProblem(NamedTuple):
    """Error of the timestamp in a row. `does`: what `stoker history import` with `options` does about it; empty when nothing."""

    row: int
    what: str
    does: str = ""
    options: str = ""


def time_axis(stamps: Sequence[str]) -> tuple[int, StampStyle] | TimeProblem:
    """Return the first minute and the style of a column of consecutive minutes, or the error of the first wrong row."""
    found, first = STAMP.fullmatch(stamps[0]), minute_at(stamps[0])
    style = StampStyle()
    if found is not None and isinstance(first, int):
        style = StampStyle(found["between"], found["seconds"] or "", found["zone"])
        if style.write(first, len(stamps)) == list(stamps):
            return first, style
    minutes: list[int] = []
    for row, stamp in enumerate(stamps):
        minute = minute_at(stamp)
        if isinstance(minute, str):
            return TimeProblem(row, minute, *correction_of(stamp))
        minutes.append(minute)
    return wrong_step(minutes, stamps) or (minutes[0], style)


def minute_at(stamp: str) -> int | str:
    """Return the minute of a timestamp, or the text of its error."""
    found = STAMP.fullmatch(stamp)
    if found is None:
        return f"{stamp!r} is not a timestamp; write 2026-03-02T12:00:00Z"
    if found["zone"] not in UTC_ZONES:
        zone = found["zone"].strip()
        if is_utc(zone):
            return f"{stamp!r} is UTC, but does not end in Z; write 2026-03-02T12:00:00Z"
        return f"{stamp!r} has {f'the time zone {zone}' if zone else 'no time zone'}; convert it to UTC and end it in Z"
    try:
        instant = datetime.fromisoformat(f"{found['day']}T{found['minute']}:00+00:00")
    except ValueError as error:
        return f"{stamp!r} is not a timestamp ({error}); write 2026-03-02T12:00:00Z"
    if not FIRST_YEAR <= instant.year <= LAST_YEAR:
        return f"{stamp!r} is not within {FIRST_YEAR} to {LAST_YEAR}; correct the year"
    if found["seconds"] and found["seconds"].strip(":0."):
        return f"{stamp!r} is not the start of a minute; write one row a minute, each at second 0"
    return minute_of(instant)


def is_utc(zone: str) -> bool:
    """Return whether a zone in another notation is UTC."""
    return bool(zone) and zone.upper().rstrip("+-0:") in UTC_NAMES


def correction_of(stamp: str) -> tuple[str, str]:
    """Return what an import does about a wrong timestamp, and with which options; empty when nothing."""
    found = STAMP.fullmatch(stamp)
    if found is None:
        return "reads other forms", ""
    if found["zone"] not in UTC_ZONES:
        return ("reads it as a time of ZONE", " --timezone ZONE") if not found["zone"].strip() else ("converts it", "")
    return ("converts it to minutes", "") if found["seconds"] and found["seconds"].strip(":0.") else ("", "")


def wrong_step(minutes: Sequence[int], stamps: Sequence[str]) -> TimeProblem | None:
    """Return the error of the first row that is not 1 min after the previous one; None when all are."""
    apart = np.diff(minutes)
    wrong = np.flatnonzero(apart != 1) + 1
    if not len(wrong):
        return None
    earlier, twice, first = np.flatnonzero(apart < 0) + 1, np.flatnonzero(apart == 0) + 1, int(wrong[0])
    if len(earlier):
        row = int(earlier[0])
        return TimeProblem(row, f"{stamps[row]} is earlier than the row above it; sort the rows by time", "sorts them")
    step = int(np.gcd.reduce(apart))
    if step > 1 and len(apart) > 1:
        return TimeProblem(first, f"the rows are {step} minutes apart; write one for each minute", "converts them to minutes")
    if len(twice):
        row = int(twice[0])
        return TimeProblem(row, f"{stamps[row]} appears twice; keep one row for each minute", "merges rows that agree")
    missing = int(apart[first - 1]) - 1
    many = "1 minute is" if missing == 1 else f"{missing} minutes are"
    what = f"{many} missing before {stamps[first]}; add a row for each, with empty cells for what is unknown"
    return TimeProblem(first, what, "adds them")
