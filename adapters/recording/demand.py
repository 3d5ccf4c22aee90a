"""Import of recorded demand: files of other tools become one demand series, with notes on every conversion."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from adapters.recording.document import is_document, read_document
from adapters.recording.grid import MOST_MINUTES, Floats, Minutes, counted, groups, to_minutes
from adapters.recording.roles import assigned
from adapters.recording.sheet import read_sheet
from adapters.recording.table import NotImportable, Table
from forecasting.demand import DemandSeries, instant_of


@dataclass(frozen=True, slots=True)
class Imported:
    """An imported demand series.

    `notes`: for each file, its name and the notes on its conversion; the name is empty for notes on all files. `missing`: the
    columns that no file has. `rows`: minute -> the places of its values in the files.
    """

    series: DemandSeries
    notes: list[tuple[str, list[str]]]
    missing: tuple[str, ...]
    rows: Callable[[int], list[str]]


def imported(texts: Mapping[str, str], columns: Mapping[str, str], timezone: str | None = None,
             step: int | None = None) -> Imported:
    """Return the demand in files together. Raise `NotImportable` when the files do not determine it.

    `texts`: file name -> text. `columns`: role -> name of the column that has it. `timezone`: zone of times that have none.
    `step`: seconds of a period.
    """
    tables: list[Table] = []
    for source, text in texts.items():
        read = read_document(source, text, timezone, step) if is_document(text) else read_sheet(source, text, timezone)
        tables += read
    chosen, common = assigned(tables, columns)
    notes: dict[str, list[str]] = {source: [] for source in texts}
    parts: list[tuple[Table, Minutes]] = []
    for table, members in groups({role: list(members) for role, members in chosen.items()}):
        minutes = to_minutes(table, members, step)
        parts.append((table, minutes))
        notes[table.source] += [counted(len(table.times), "row"), *table.notes, *minutes.notes]
    series, missing = together(parts, common)
    files = [(source, list(dict.fromkeys(lines))) for source, lines in notes.items()]
    return Imported(series, [*files, ("", common)], missing, partial(places_of, parts))


def places_of(parts: Sequence[tuple[Table, Minutes]], minute: int) -> list[str]:
    """Return the places in the files that the values of a minute are from."""
    at = [(table, part, int(np.searchsorted(part.minutes, minute))) for table, part in parts]
    return [table.at(int(part.rows[row])) for table, part, row in at if row < len(part.minutes) and part.minutes[row] == minute]


def together(parts: Sequence[tuple[Table, Minutes]], notes: list[str]) -> tuple[DemandSeries, tuple[str, ...]]:
    """Return one series of all parts, and the columns that none of them has. Add to `notes`."""
    first = min(int(part.minutes.min()) for _, part in parts)
    end = max(int(part.minutes.max()) for _, part in parts) + 1
    if end - first > MOST_MINUTES:
        raise NotImportable(f"the files are from {instant_of(first):%Y-%m-%d} to {instant_of(end):%Y-%m-%d}, more than 6 years; "
                            "correct the wrong times")
    values: dict[str, Floats] = {}
    for table, part in parts:
        for role, column in part.values.items():
            into = values.setdefault(role, np.full(end - first, np.nan))
            at = part.minutes - first
            differ = np.flatnonzero(~np.isnan(into[at]) & ~np.isnan(column) & (into[at] != column))
            if len(differ):
                row = int(differ[0])
                raise NotImportable(f"{table.at(int(part.rows[row]))}: {role} at "
                                    f"{instant_of(int(part.minutes[row])):%Y-%m-%dT%H:%MZ} is {column[row]:g} here and "
                                    f"{into[at][row]:g} elsewhere; import files that agree")
            into[at] = np.where(np.isnan(column), into[at], column)
    unknown = np.full(end - first, np.nan)
    requests, peak = values.get("invocations", unknown), values.get("max_concurrency", unknown)
    busy = values.get("avg_concurrency", unknown)
    if "avg_concurrency" not in values and "avg_duration_ms" in values and "invocations" in values:
        busy = np.where(requests == 0, 0.0, requests * values["avg_duration_ms"] / 60_000)
        notes.append("avg_concurrency is computed: requests × their average duration, at most the maximum")
        busy = np.fmin(busy, np.where(np.isnan(peak), np.inf, peak)) if "max_concurrency" in values else busy
    missing = tuple(name for name, column in (("invocations", requests), ("avg_concurrency", busy), ("max_concurrency", peak))
                    if bool(np.isnan(column).all()))
    return DemandSeries(first, peak.astype(np.float32), busy.astype(np.float32), requests.astype(np.float32)), missing
