"""From times as recorded to whole minutes: sorted, each once, and periods of other lengths brought to minutes."""

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
"""Six years; a longer span is a wrong time."""
LONG_RUN = 12
"""So many equal distances of several minutes in a row are not there by chance."""
Floats = NDArray[np.float64]
Whole = NDArray[np.int64]


class Rows(NamedTuple):
    """The rows of one table in order of time, each time once: `times` in whole seconds, `values` by role, `rows` of the table."""

    times: Whole
    values: dict[str, Floats]
    rows: Whole


@dataclass(slots=True)
class Minutes:
    """Values by role, each known minute once, with where each came from, and what to tell people."""

    minutes: Whole
    values: dict[str, Floats]
    rows: Whole
    said: list[str] = field(default_factory=list)


def to_minutes(table: Table, chosen: dict[str, Chosen], told: int | None) -> Minutes:
    """The minutes that a table knows something of. `told`: the seconds of a period, where people say so."""
    said: list[str] = []
    rows = in_order(table, chosen, said)
    if not len(rows.times):
        raise NotImportable(f"{table.source}: all of its times are within an hour that the clock passes twice; write them in UTC")
    if int(rows.times[-1]) - int(rows.times[0]) > MOST_MINUTES * MINUTE:
        first, last = (instant_of(int(rows.times[row]) // MINUTE) for row in (0, -1))
        raise NotImportable(f"{table.at(int(rows.rows[0]))}: times reach from {first:%Y-%m-%d} to {last:%Y-%m-%d}, over six "
                            "years; correct the wrong one")
    step = told or table.step or step_of(table, rows)
    times = rows.times - step if table.ends else rows.times
    if told is not None and len(times) > 1 and any((times - times[0]) % told):
        wrong = int(np.flatnonzero((times - times[0]) % told)[0])
        raise NotImportable(f"{table.at(int(rows.rows[wrong]))}: this is not a multiple of {span(told)} after the first time; "
                            "give the --step that the recording has")
    if step > HOUR:
        raise NotImportable(f"{table.source}: times are {span(step)} apart; import periods of 1 h at most, since what happened "
                            "within longer ones is not known")
    if step % MINUTE and (MINUTE % step or step > MINUTE):
        raise NotImportable(f"{table.source}: times are {span(step)} apart, which is no whole number of minutes and no part of "
                            "one; export periods of 1 min")
    if step < MINUTE:
        return gathered(Rows(times, rows.values, rows.rows), step, said)
    return spread(table, Rows(times, rows.values, rows.rows), step, said)


def in_order(table: Table, chosen: dict[str, Chosen], said: list[str]) -> Rows:
    """Sort the rows by time, and let each time stand once."""
    known = np.flatnonzero(~np.isnan(np.array(table.times, dtype=np.float64)))
    times = np.floor(np.array(table.times, dtype=np.float64)[known]).astype(np.int64)
    values = {role: np.array(each.values, dtype=np.float64)[known] for role, each in chosen.items()}
    late = int((times < np.maximum.accumulate(times)).sum()) if len(times) else 0
    if late:
        newest_first = bool((np.diff(times) <= 0).all())
        said.append("the newest row stands first: reversed" if newest_first else f"rows are not in order of time ({late} stand "
                                                                                 "behind a later one): sorted")
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
        said.append(f"{counted(int((~keep).sum()), 'row')} with the time of another row and no other value: merged")
    return Rows(times[keep], {role: column[keep] for role, column in values.items()}, rows[keep])


def step_of(table: Table, rows: Rows) -> int:
    """The seconds of a period: what divides the distance between any two times."""
    apart = np.diff(rows.times)
    if not len(apart):
        return MINUTE
    step = gcd(*apart.tolist())
    usual = round(float(np.median(apart)) / MINUTE) * MINUTE
    if step < MINUTE // 2 and usual and bool((np.abs(apart - np.round(apart / usual) * usual) <= usual * 0.1).all()):
        return usual  # times that jitter by some seconds
    if step > MINUTE and step % MINUTE == 0 and step <= HOUR and (len(apart) < 2 or 2 * int((apart == step).sum()) <= len(apart)):
        raise NotImportable(f"{table.at(int(rows.rows[0]))}: times are {span(step)} or a multiple of it apart: periods of "
                            f"{span(step)}, or minutes without a point? Give --step 1m for the latter, --step {step // MINUTE}m "
                            "for the former")
    if step == MINUTE:
        long = np.flatnonzero((apart[1:] == apart[:-1]) & (apart[1:] > MINUTE))
        ends = np.flatnonzero(np.diff(long) > 1)
        for run in np.split(long, ends + 1):
            if len(run) >= LONG_RUN - 1:
                raise NotImportable(f"{table.at(int(rows.rows[run[0]]))}: from here on {len(run) + 2} times are "
                                    f"{span(int(apart[run[0]]))} apart, others 1 min: longer periods, or minutes without a "
                                    "point? Give --step 1m for the latter; for the former, put each part into a file and give "
                                    "all of them")
    return step


def gathered(rows: Rows, step: int, said: list[str]) -> Minutes:
    """Bring periods shorter than a minute together: requests added, averages averaged, the greatest maximum."""
    parts = MINUTE // step
    minutes, first = np.unique(rows.times // MINUTE, return_index=True)
    counts = np.diff(np.append(first, len(rows.times)))
    values: dict[str, Floats] = {}
    for role, column in rows.values.items():
        add = np.maximum.reduceat(column, first) if role == "max_concurrency" else np.add.reduceat(column, first)
        values[role] = np.where(counts == parts, add if role in ("invocations", "max_concurrency") else add / parts, np.nan)
    partial = int((counts != parts).sum())
    said.append(f"{parts} periods of {span(step)} make a minute: requests added, averages averaged, the greatest of the maxima")
    if partial:
        said.append(f"{counted(partial, 'minute')} without all of the periods: left unknown")
    return Minutes(minutes, values, rows.rows[first], said)


def spread(table: Table, rows: Rows, step: int, said: list[str]) -> Minutes:
    """Bring periods of a minute or more to minutes: requests divided, averages and maxima held."""
    parts = step // MINUTE
    begin = rows.times // MINUTE
    if bool((rows.times % MINUTE).any()):
        said.append("times are not at second 0: each is taken for the minute that it is in")
        if len(begin) > 1 and bool((np.diff(begin) < parts).any()):
            wrong = int(np.flatnonzero(np.diff(begin) < parts)[0]) + 1
            raise NotImportable(f"{table.at(int(rows.rows[wrong]))}: this and the row before it are of one period of "
                                f"{span(step)}; keep one")
    minutes = (begin[:, None] + np.arange(parts)).ravel()
    values = {role: np.repeat(column / parts if role == "invocations" else column, parts) for role, column in rows.values.items()}
    if parts > 1:
        said.append(f"periods of {span(step)}: requests are divided by {parts}, averages and maxima are held; within a period "
                    "the minutes are approximate. Give --step 1m if each row is 1 min and the minutes between have none")
    return Minutes(minutes, values, np.repeat(rows.rows, parts), said)


def counted(number: int, what: str) -> str:
    """A number of things."""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def span(seconds: int) -> str:
    """A length of time for people."""
    for unit, size in (("h", HOUR), ("min", MINUTE)):
        if seconds % size == 0 and seconds:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


def groups(chosen: dict[str, Sequence[Chosen]]) -> list[tuple[Table, dict[str, Chosen]]]:
    """The columns that were chosen, table by table."""
    found: dict[int, tuple[Table, dict[str, Chosen]]] = {}
    for role, members in chosen.items():
        for each in members:
            found.setdefault(id(each.table), (each.table, {}))[1][role] = each
    return list(found.values())
