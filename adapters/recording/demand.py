"""From recordings of others to one demand series, with all that was done to them in words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from adapters.recording.document import is_document, read_document
from adapters.recording.grid import MOST_MINUTES, Floats, Minutes, counted, groups, to_minutes
from adapters.recording.roles import assigned
from adapters.recording.sheet import read_sheet
from adapters.recording.table import NotImportable, Table
from forecasting.demand import DemandSeries, instant_of


@dataclass(frozen=True, slots=True)
class Imported:
    """A demand series, and what was done to the files, each with what is said of it; `missing`: what no file tells."""

    series: DemandSeries
    said: list[tuple[str, list[str]]]
    missing: tuple[str, ...]


def imported(texts: Mapping[str, str], told: Mapping[str, str], timezone: str | None = None, step: int | None = None) -> Imported:
    """The demand that files tell together, by their names and texts. `NotImportable` when it cannot be known.

    `told`: role to the column that stands for it. `timezone`: of times that have none. `step`: seconds of a period.
    """
    tables: list[Table] = []
    for source, text in texts.items():
        read = read_document(source, text, timezone) if is_document(text) else read_sheet(source, text, timezone)
        tables += read
    chosen, what = assigned(tables, told)
    said: dict[str, list[str]] = {source: [] for source in texts}
    parts: list[tuple[Table, Minutes]] = []
    for table, columns in groups({role: list(members) for role, members in chosen.items()}):
        minutes = to_minutes(table, columns, step)
        parts.append((table, minutes))
        said[table.source] += [counted(len(table.times), "row"), *table.said, *minutes.said]
    series, missing = together(parts, what)
    files = [(source, list(dict.fromkeys(lines))) for source, lines in said.items()]
    return Imported(series, [*files, ("", what)], missing)


def together(parts: Sequence[tuple[Table, Minutes]], said: list[str]) -> tuple[DemandSeries, tuple[str, ...]]:
    """One series of all parts, and what none of them tells."""
    first = min(int(part.minutes.min()) for _, part in parts)
    end = max(int(part.minutes.max()) for _, part in parts) + 1
    if end - first > MOST_MINUTES:
        raise NotImportable(f"the files reach from {instant_of(first):%Y-%m-%d} to {instant_of(end):%Y-%m-%d}, over six years; "
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
        said.append("avg_concurrency is worked out: requests times their average duration, at most the maximum")
        busy = np.fmin(busy, np.where(np.isnan(peak), np.inf, peak)) if "max_concurrency" in values else busy
    missing = tuple(name for name, column in (("invocations", requests), ("avg_concurrency", busy), ("max_concurrency", peak))
                    if bool(np.isnan(column).all()))
    return DemandSeries(first, peak.astype(np.float32), busy.astype(np.float32), requests.astype(np.float32)), missing
