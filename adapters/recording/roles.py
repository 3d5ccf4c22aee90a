"""Assignment of roles to recorded columns: by the user's choice, by name and statistic, or by values that determine it."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise, permutations
from math import isnan
from pathlib import Path
from typing import NamedTuple

from adapters.recording.numbers import comma_of, read_numbers
from adapters.recording.table import ROLES, Column, NotImportable, Table

ASK = "give --column ROLE=NAME, with NAME the column's name, id or number"
REQUESTS = {"invocation", "invocations", "request", "requests", "calls", "hits"}
CONCURRENCY = {"concurrency", "concurrent", "concurrentexecutions", "inflight"}
DURATION = {"duration", "latency", "latencies"}
AVERAGE, MAXIMUM = "avg_concurrency", "max_concurrency"
WORDS = {AVERAGE: "average", MAXIMUM: "maximum"}
UNSURE = "concurrency"
"""Instead of a role: a column of concurrency without a statistic."""
OTHERS = {"provisioned", "unreserved", "claimed", "spillover", "throttle", "throttles", "error", "errors", "utilization", "limit",
          "throttled", "rejected", "failed", "init", "cold"}
"""Words of metrics that are not demand."""
STATISTICS = {"average": "average", "avg": "average", "mean": "average", "maximum": "maximum", "max": "maximum",
              "peak": "maximum", "sum": "sum", "total": "sum", "count": "sum", "minimum": "minimum", "min": "minimum",
              "samplecount": "samples"}
RATES = {"rate", "rps", "qps", "persecond"}


class Place(NamedTuple):
    """A column and its table."""

    table: Table
    column: Column


class Chosen(NamedTuple):
    """A column with a role, and its values."""

    table: Table
    column: Column
    values: list[float]


@dataclass(frozen=True, slots=True)
class Kind:
    """Metric and statistic in a column's name. `metric`: `invocations`, `concurrency`, `duration` or empty."""

    metric: str
    statistic: str


def words(text: str) -> list[str]:
    """Return the words of a name in lower case, split at changes of case and at other characters than letters and digits."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", text)
    return [word for word in re.split(r"[^a-z0-9]+", spaced.lower()) if word]


def kind_of(text: str) -> Kind:
    """Return the metric and statistic in a name."""
    parts = words(text)
    joined = set(parts) | {before + after for before, after in pairwise(parts)}
    statistics = [STATISTICS[word] for word in parts if word in STATISTICS]
    statistics += [word for word in parts if re.fullmatch(r"p\d{2,4}", word)]
    statistic = statistics[0] if statistics else ""
    if joined & OTHERS:
        return Kind("", statistic)
    if joined & RATES or re.search(r"(?i)/\s*s(ec)?\b|per[ _]second", text):
        statistic = "rate"
    for metric, names in (("concurrency", CONCURRENCY), ("duration", DURATION), ("invocations", REQUESTS)):
        if joined & names:
            return Kind(metric, statistic)
    return Kind("", statistic)


def assigned(tables: Sequence[Table], columns: Mapping[str, str]) -> tuple[dict[str, list[Chosen]], list[str]]:
    """Return role -> columns, over all tables, and notes for the user. `columns`: role -> name of a column.

    Raise `NotImportable` when the roles are ambiguous or no column has one.
    """
    places = [Place(table, column) for table in tables for column in table.columns]
    by_role = {role: named(places, role, name) for role, name in columns.items()}
    taken = {id(place.column) for members in by_role.values() for place in members}
    unsure: list[Place] = []
    for place in places:
        role = "" if id(place.column) in taken else role_of(place)
        if role == UNSURE:
            unsure.append(place)
        elif role and role not in columns:
            by_role.setdefault(role, []).append(place)
    notes = by_values(unsure, by_role, columns)
    if not by_role:
        known = ", ".join(ROLES)
        raise NotImportable(f"{tables[0].source}: no column is recognised as one of {known} (columns: {listed(places)}); {ASK}")
    one_each(by_role)
    if AVERAGE in by_role:
        by_role.pop("avg_duration_ms", None)
    chosen = {role: [Chosen(*place, values_of(place)) for place in members] for role, members in by_role.items()}
    used = {id(place.column) for members in by_role.values() for place in members}
    summary = "; ".join(f"{role} = {listed(by_role[role])}" for role in ROLES if role in by_role)
    unused = [place for place in places if id(place.column) not in used]
    return chosen, [f"columns: {summary}", *notes, *([f"not used: {listed(unused)}"] if unused else [])]


def listed(places: Sequence[Place]) -> str:
    """Return the names of columns, each once, in at most 200 characters."""
    return ", ".join(dict.fromkeys(place.column.name for place in places))[:200]


def named(places: Sequence[Place], role: str, name: str) -> list[Place]:
    """Return the columns that `--column` selects: by a name, an id, a number, or the name of a file with one column."""
    selected = [place for place in places if name in place.column.names]
    if not selected:
        of_file = [place for place in places if name in (place.table.source, Path(place.table.source).name)]
        selected = of_file if len(of_file) == 1 else []
    if not selected:
        raise NotImportable(f"--column {role}={name}: there is no such column (columns: {listed(places)}); {ASK}")
    if len({id(place.table) for place in selected}) < len(selected):
        numbers = ", ".join(place.column.names[-1] for place in selected)
        raise NotImportable(f"--column {role}={name}: {len(selected)} columns have this name; give one of {numbers}")
    return selected


def role_of(place: Place) -> str:
    """Return the role by a column's name: `UNSURE` for concurrency without a statistic, empty for no role.

    Raise `NotImportable` for a number of requests that is a rate or an average.
    """
    table, column = place
    plain = column.name.strip().lower()
    if plain in ROLES:
        return plain
    kind = kind_of(column.about or column.name)
    if kind.metric == "invocations" and kind.statistic in ("", "sum"):
        return "invocations"
    if kind.metric == "invocations" and kind.statistic in ("average", "rate"):
        why = "is a rate" if kind.statistic == "rate" else "is an average, which is 1 for each request"
        raise NotImportable(f"{table.source}: {column.name} {why}; export the number of requests in each period (Sum, or "
                            "increase()), or leave the column out")
    if kind.metric == "concurrency" and kind.statistic in ("", "average", "maximum"):
        return {"average": AVERAGE, "maximum": MAXIMUM}.get(kind.statistic, UNSURE)
    if kind.metric == "duration" and kind.statistic in ("", "average"):
        return "avg_duration_ms"
    return ""


def by_values(unsure: Sequence[Place], by_role: dict[str, list[Place]], columns: Mapping[str, str]) -> list[str]:
    """Assign roles to columns of concurrency without a statistic, in `by_role`, and return notes for the user.

    Raise `NotImportable` when their values do not determine the roles.
    """
    wanted = [role for role in (AVERAGE, MAXIMUM) if role not in by_role and role not in columns]
    if not unsure or not wanted:
        return []
    if len(unsure) == len(wanted):
        known = {role: by_role[role][0] for role in (AVERAGE, MAXIMUM) if role not in wanted}
        pairs = [known | dict(zip(wanted, each, strict=True)) for each in permutations(unsure)]
        fits = [pair for pair in pairs if is_average_of(pair[AVERAGE], pair[MAXIMUM])]
        if len(fits) == 1:
            by_role.update({role: [fits[0][role]] for role in wanted})
            shown = " and ".join(f"the {WORDS[role]} is {in_full(fits[0][role])}" for role in wanted)
            why = "the maximum is whole and never below the average; set --column if this is wrong"
            return [f"no statistic is given: {shown}, because {why}"]
    if len(unsure) == 1 and has_fractions(values_of(unsure[0])) and AVERAGE in wanted:
        by_role[AVERAGE] = [unsure[0]]
        return [f"no statistic is given: the average is {in_full(unsure[0])}, because its values are not whole"]
    names = " and ".join(map(in_full, unsure))
    raise NotImportable(f"{unsure[0].table.source}: {names}: average or maximum? {ASK}, and ROLE {AVERAGE} or {MAXIMUM}")


def in_full(place: Place) -> str:
    """Return all names of a column, for columns with the same display name."""
    first, *others = place.column.names
    return f"{first} ({' '.join(others)})" if others else first


def is_average_of(average: Place, maximum: Place) -> bool:
    """Return whether the values can be averages of the same quantity whose maxima are the others, and differ from them."""
    low, high = (dict(zip(place.table.times, values_of(place), strict=True)) for place in (average, maximum))
    both = [(low[time], high[time]) for time in low.keys() & high.keys() if not isnan(low[time] + high[time])]
    return all(one <= other for one, other in both) and any(one < other for one,
                                                            other in both) and not has_fractions(high.values())


def has_fractions(values: Iterable[float]) -> bool:
    """Return whether some values are not whole."""
    return any(value % 1 for value in values if not isnan(value))


def one_each(by_role: Mapping[str, Sequence[Place]]) -> None:
    """Raise `NotImportable` when two columns of one file have the same role, since they may differ."""
    for role, members in by_role.items():
        for number, (table, column) in enumerate(members):
            for other, second in members[:number]:
                if other.source == table.source and (other is table or not same_metric(column, second)):
                    raise NotImportable(f"{table.source}: {second.name} and {column.name} can both be {role}; {ASK}")


def same_metric(one: Column, other: Column) -> bool:
    """Return whether two series of one response are parts of one metric, such as its pages or its label sets."""
    return one.about == other.about and one.names[0] == other.names[0]


def values_of(place: Place) -> list[float]:
    """Return the numbers of a column, NaN where unknown."""
    table, column = place
    return read_numbers(column.cells, column.name, comma_of([each.cells for each in table.columns], table.at), table.at)
