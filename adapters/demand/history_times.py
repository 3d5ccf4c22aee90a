"""The times of a history file: one a minute, in UTC, in order; what is wrong with others, and whether an import mends it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

import numpy as np

from forecasting.demand import minute_of

FIRST_YEAR, LAST_YEAR = 1970, 9998
"""Room for whatever is added to an instant or taken off it."""

STAMP = re.compile(
    r"(?P<day>\d{4}-\d\d-\d\d)(?P<between>[T ])(?P<minute>\d\d:\d\d)(?P<seconds>:\d\d(?:\.\d+)?)?(?P<zone>.*)", re.ASCII)
UTC_ZONES = ("Z", "+00:00")
UTC_NAMES = ("", "UTC", "GMT", "UT")


@dataclass(frozen=True, slots=True)
class StampStyle:
    """How a file writes its instants, so that what is derived from it can be written alike."""

    between: str = "T"
    seconds: str = ":00"
    zone: str = "Z"

    def write(self, first_minute: int, minutes: int) -> list[str]:
        """`minutes` instants from `first_minute` (minutes since the epoch) on, one a minute."""
        span = np.arange(first_minute, first_minute + minutes, dtype=np.int64).astype("datetime64[m]")
        text = np.datetime_as_string(span, unit="m").tolist()
        after = self.seconds + self.zone
        if self.between == "T":
            return [stamp + after for stamp in text]
        return [f"{stamp[:10]}{self.between}{stamp[11:]}{after}" for stamp in text]


class Trouble(NamedTuple):
    """What is wrong with the time in a row; and what `stoker history import`, with `options`, does about it, if it does."""

    row: int
    what: str
    does: str = ""
    options: str = ""


def time_axis(stamps: Sequence[str]) -> tuple[int, StampStyle] | Trouble:
    """The first minute and the style of a column, each row exactly a minute after the one before; or the first that is not."""
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
            return Trouble(row, minute, *mended(stamp))
        minutes.append(minute)
    return wrong_step(minutes, stamps) or (minutes[0], style)


def minute_at(stamp: str) -> int | str:
    """The minute of a timestamp, or what is wrong with it."""
    found = STAMP.fullmatch(stamp)
    if found is None:
        return f"{stamp!r} is no timestamp; write 2026-03-02T12:00:00Z"
    if found["zone"] not in UTC_ZONES:
        zone = found["zone"].strip()
        if is_utc(zone):
            return f"{stamp!r} is UTC, but does not end in Z; write 2026-03-02T12:00:00Z"
        return f"{stamp!r} has {f'the time zone {zone}' if zone else 'no time zone'}; convert it to UTC and end it in Z"
    try:
        instant = datetime.fromisoformat(f"{found['day']}T{found['minute']}:00+00:00")
    except ValueError as error:
        return f"{stamp!r} is no timestamp ({error}); write 2026-03-02T12:00:00Z"
    if not FIRST_YEAR <= instant.year <= LAST_YEAR:
        return f"{stamp!r} is not within {FIRST_YEAR} to {LAST_YEAR}; correct the year"
    if found["seconds"] and found["seconds"].strip(":0."):
        return f"{stamp!r} is not the start of a minute; write one row a minute, each at second 0"
    return minute_of(instant)


def is_utc(zone: str) -> bool:
    """Whether a zone that is not written as we want it is UTC all the same."""
    return bool(zone) and zone.upper().rstrip("+-0:") in UTC_NAMES


def mended(stamp: str) -> tuple[str, str]:
    """What an import does about a timestamp that is wrong, and with which options; empty when nothing."""
    found = STAMP.fullmatch(stamp)
    if found is None:
        return "reads other forms", ""
    if found["zone"] not in UTC_ZONES:
        return ("takes it for a time of ZONE", " --timezone ZONE") if not found["zone"].strip() else ("converts it", "")
    return ("brings it to minutes", "") if found["seconds"] and found["seconds"].strip(":0.") else ("", "")


def wrong_step(minutes: Sequence[int], stamps: Sequence[str]) -> Trouble | None:
    """The first row that is not a minute after the one before, and why."""
    apart = np.diff(minutes)
    wrong = np.flatnonzero(apart != 1) + 1
    if not len(wrong):
        return None
    back, twice, first = np.flatnonzero(apart < 0) + 1, np.flatnonzero(apart == 0) + 1, int(wrong[0])
    if len(back):
        row = int(back[0])
        return Trouble(row, f"{stamps[row]} is earlier than the row above it; sort the rows by time", "does")
    step = int(np.gcd.reduce(apart))
    if step > 1 and len(apart) > 1:
        return Trouble(first, f"the rows are {step} minutes apart; a history has one for each minute", "brings them to minutes")
    if len(twice):
        row = int(twice[0])
        return Trouble(row, f"{stamps[row]} stands there twice; keep one row for each minute", "merges rows that agree")
    missing = int(apart[first - 1]) - 1
    many = "1 minute is" if missing == 1 else f"{missing} minutes are"
    what = f"{many} missing before {stamps[first]}; add a row for each, with empty cells for what is unknown"
    return Trouble(first, what, "adds them")
