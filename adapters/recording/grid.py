"""Conversion of recorded rows to minutes: sorted, each minute once, with periods of other lengths summed or divided."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import gcd, isnan
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from adapters.recording.roles import Chosen
from adapters.recording.table import NotImportable, Table
from forecasting.demand import instant_of

MINUTE, HOUR = 60, 3600
MOST_MINUTES = 6 * 366 * 1440
"""6 years. A longer span contains a wrong time."""
LONG_RUN = 12
"""Number of consecutive equal distances of several minutes that cannot be due to chance."""
Floats = NDArray[np.float64]
Whole = NDArray[np.int64]


class Rows(NamedTuple):
    """Rows of a table in order of time, each time once.

    `times`: whole seconds since the epoch. `values`: by role. `rows`: their indices in the table.
    """

    times: Whole
    values: dict[str, Floats]
    rows: Whole


@dataclass(slots=True)
class Minutes:
    """Values by role for each known minute, the row of the table that each is from, and notes for the user."""

    minutes: Whole
    values: dict[str, Floats]
    rows: Whole
    notes: list[str] = field(default_factory=list)


def to_minutes(table: Table, chosen: dict[str, Chosen], period: int | None) -> Minutes:
    """Return the minutes with values in a table. `period`: seconds of a period, if the user has set it.

    Raise `NotImportable` when the periods of the table cannot be converted to minutes.
    """
    notes: list[str] = []
    rows = in_order(table, chosen, notes)
    if not len(rows.times):
        raise NotImportable(f"{table.source}: all of its times occur twice at a clock change; write them in UTC")
    if int(rows.times[-1]) - int(rows.times[0]) > MOST_MINUTES * MINUTE:
        first, last = (instant_of(int(rows.times[row]) // MINUTE) for row in (0, -1))
        raise NotImportable(f"{table.at(int(rows.rows[0]))}: times are from {first:%Y-%m-%d} to {last:%Y-%m-%d}, more than "
                            "6 years; correct the wrong one")
    step = period or table.step or step_of(table, rows)
    times = rows.times - step if table.ends else rows.times
    if period is not None and len(times) > 1 and any((times - times[0]) % period):
        wrong = int(np.flatnonzero((times - times[0]) % period)[0])
        raise NotImportable(f"{table.at(int(rows.rows[wrong]))}: this is not a multiple of {span(period)} after the first time; "
                            "set --step to the period of the recording")
    if step > HOUR:
        raise NotImportable(f"{table.source}: times are {span(step)} apart; import periods of at most 1 h, since demand within "
                            "longer periods is unknown")
    if step % MINUTE and (MINUTE % step or step > MINUTE):
        raise NotImportable(f"{table.source}: times are {span(step)} apart, neither a whole number of minutes nor a divisor of "
                            "1 min; export periods of 1 min")
    if step < MINUTE:
        return gathered(Rows(times, rows.values, rows.rows), step, notes)
    return spread(table, Rows(times, rows.values, rows.rows), step, notes)


def in_order(table: Table, chosen: dict[str, Chosen], notes: list[str]) -> Rows:
    """Return the rows sorted by time, with rows of the same time merged. Raise `NotImportable` when such rows differ."""
    known = np.flatnonzero(~np.isnan(np.array(table.times, dtype=np.float64)))
    times = np.floor(np.array(table.times, dtype=np.float64)[known]).astype(np.int64)
    values = {role: np.array(each.values, dtype=np.float64)[known] for role, each in chosen.items()}
    late = int((times < np.maximum.accumulate(times)).sum()) if len(times) else 0
    if late:
        newest_first = bool((np.diff(times) <= 0).all())
        notes.append("the newest row is first: reversed" if newest_first
                     else f"rows are not in order of time ({late} follow a later one): sorted")
    order = np.argsort(times, kind="stable")
    times, rows = times[order], known[order]
    values = {role: column[order] for role, column in values.items()}
    keep = np.ones(len(times), dtype=bool)
    for row in np.flatnonzero(np.diff(times) == 0) + 1:
        first = int(np.searchsorted(times, times[row]))
        for role, column in values.items():
            if isnan(column[first]):
                column[first] = column[row]
            elif not isnan(column[row]) and column[row] != column[first]:
                raise NotImportable(f"{table.at(int(rows[row]))}: {role} is {column[row]:g} here and {column[first]:g} in "
                                    f"{table.at(int(rows[first]))}, at the same time; keep one of the two rows")
        keep[row] = False
    if not keep.all():
        notes.append(f"{counted(int((~keep).sum()), 'row')} with the same time as another row and no different value: merged")
    return Rows(times[keep], {role: column[keep] for role, column in values.items()}, rows[keep])


def step_of(table: Table, rows: Rows) -> int:
    """Return the period in seconds: the greatest common divisor of the distances between times.

    Raise `NotImportable` when it is ambiguous.
    """
    apart = np.diff(rows.times)
    if not len(apart):
        return MINUTE
    step = gcd(*apart.tolist())
    usual = round(float(np.median(apart)) / MINUTE) * MINUTE
    if step < MINUTE // 2 and usual and bool((np.abs(apart - np.round(apart / usual) * usual) <= usual * 0.1).all()):
        return usual  # times with a jitter of some seconds
    if step > MINUTE and step % MINUTE == 0 and step <= HOUR and (len(apart) < 2 or 2 * int((apart == step).sum()) <= len(apart)):
        raise NotImportable(f"{table.at(int(rows.rows[0]))}: times are {span(step)} or a multiple of it apart: set --step "
                            f"{step // MINUTE}m if each row covers {span(step)}, or --step 1m if the other minutes are unknown")
    if step == MINUTE:
        long = np.flatnonzero((apart[1:] == apart[:-1]) & (apart[1:] > MINUTE))
        ends = np.flatnonzero(np.diff(long) > 1)
        for run in np.split(long, ends + 1):
            if len(run) >= LONG_RUN - 1:
                raise NotImportable(f"{table.at(int(rows.rows[run[0]]))}: from here on {len(run) + 2} times are "
                                    f"{span(int(apart[run[0]]))} apart, others 1 min: set --step 1m if the other minutes are "
                                    "unknown; if the periods are longer here, put each part into its own file and import all "
                                    "files")
    return step


def gathered(rows: Rows, step: int, notes: list[str]) -> Minutes:
    """Return minutes from periods shorter than 1 min: the sum of requests, the mean of averages, the greatest maximum."""
    parts = MINUTE // step
    minutes, first = np.unique(rows.times // MINUTE, return_index=True)
    counts = np.diff(np.append(first, len(rows.times)))
    values: dict[str, Floats] = {}
    for role, column in rows.values.items():
        total = np.maximum.reduceat(column, first) if role == "max_concurrency" else np.add.reduceat(column, first)
        values[role] = np.where(counts == parts, total if role in ("invocations", "max_concurrency") else total / parts, np.nan)
    partial = int((counts != parts).sum())
    notes.append(f"a minute has {parts} periods of {span(step)}: sum of requests, mean of averages, greatest of the maxima")
    if partial:
        notes.append(f"{counted(partial, 'minute')} with missing periods: unknown")
    return Minutes(minutes, values, rows.rows[first], notes)


def spread(table: Table, rows: Rows, step: int, notes: list[str]) -> Minutes:
    """Return minutes from periods of 1 min or longer: requests are divided, averages and maxima are repeated."""
    parts = step // MINUTE
    begin = rows.times // MINUTE
    if bool((rows.times % MINUTE).any()):
        notes.append("times are not at second 0: each counts for the minute that contains it")
        if len(begin) > 1 and bool((np.diff(begin) < parts).any()):
            wrong = int(np.flatnonzero(np.diff(begin) < parts)[0]) + 1
            raise NotImportable(f"{table.at(int(rows.rows[wrong]))}: this row and the one before are in the same period "
                                f"of {span(step)}; keep one")
    minutes = (begin[:, None] + np.arange(parts)).ravel()
    values = {role: np.repeat(column / parts if role == "invocations" else column, parts) for role, column in rows.values.items()}
    if parts > 1:
        notes.append(f"periods of {span(step)}: requests are divided by {parts}, averages and maxima are repeated. The minutes "
                     "within a period are approximate: a maximum of 1 min counts in all of them. Set --step 1m if each row "
                     "covers 1 min and the other minutes are unknown")
    return Minutes(minutes, values, np.repeat(rows.rows, parts), notes)


def counted(number: int, what: str) -> str:
    """Return a number with its noun, in the plural unless it is 1."""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def span(seconds: int) -> str:
    """Return a duration as text, such as `5 min`."""
    for unit, size in (("h", HOUR), ("min", MINUTE)):
        if seconds % size == 0 and seconds:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


def groups(chosen: dict[str, Sequence[Chosen]]) -> list[tuple[Table, dict[str, Chosen]]]:
    """Return each table with its chosen columns by role."""
    by_table: dict[int, tuple[Table, dict[str, Chosen]]] = {}
    for role, members in chosen.items():
        for each in members:
            by_table.setdefault(id(each.table), (each.table, {}))[1][role] = each
    return list(by_table.values())
