"""Which recorded column stands for what: by what people say, by its name and statistic, or by values that prove it."""

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
"""In place of a role: of which statistic is not said."""
OTHERS = {"provisioned", "unreserved", "claimed", "spillover", "throttle", "throttles", "error", "errors", "utilization", "limit",
          "throttled", "rejected", "failed", "init", "cold"}
"""Words of metrics that are beside the point."""
STATISTICS = {"average": "average", "avg": "average", "mean": "average", "maximum": "maximum", "max": "maximum",
              "peak": "maximum", "sum": "sum", "total": "sum", "count": "sum", "minimum": "minimum", "min": "minimum",
              "samplecount": "samples"}
RATES = {"rate", "rps", "qps", "persecond"}


class Place(NamedTuple):
    """A column, and the table that it stands in."""

    table: Table
    column: Column


class Chosen(NamedTuple):
    """A column that stands for a role, with its values."""

    table: Table
    column: Column
    values: list[float]


@dataclass(frozen=True, slots=True)
class Kind:
    """What a column's name says: `invocations`, `concurrency`, `duration` or nothing, and of which statistic."""

    metric: str
    statistic: str


def words(text: str) -> list[str]:
    """The words of a name, at each change of case and at each sign."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", text)
    return [word for word in re.split(r"[^a-z0-9]+", spaced.lower()) if word]


def kind_of(text: str) -> Kind:
    """What a name says."""
    found = words(text)
    joined = set(found) | {before + after for before, after in pairwise(found)}
    statistics = [STATISTICS[word] for word in found if word in STATISTICS]
    statistics += [word for word in found if re.fullmatch(r"p\d{2,4}", word)]
    statistic = statistics[0] if statistics else ""
    if joined & OTHERS:
        return Kind("", statistic)
    if joined & RATES or re.search(r"(?i)/\s*s(ec)?\b|per[ _]second", text):
        statistic = "rate"
    for metric, names in (("concurrency", CONCURRENCY), ("duration", DURATION), ("invocations", REQUESTS)):
        if joined & names:
            return Kind(metric, statistic)
    return Kind("", statistic)


def assigned(tables: Sequence[Table], told: Mapping[str, str]) -> tuple[dict[str, list[Chosen]], list[str]]:
    """The columns of each role, over all tables, and what to tell people. `told`: role to the name of a column."""
    places = [Place(table, column) for table in tables for column in table.columns]
    found = {role: named(places, role, name) for role, name in told.items()}
    taken = {id(place.column) for members in found.values() for place in members}
    unsure: list[Place] = []
    for place in places:
        role = "" if id(place.column) in taken else role_of(place)
        if role == UNSURE:
            unsure.append(place)
        elif role and role not in told:
            found.setdefault(role, []).append(place)
    said = by_values(unsure, found, told)
    if not found:
        known = ", ".join(ROLES)
        raise NotImportable(f"{tables[0].source}: no column is known as one of {known} (here: {listed(places)}); {ASK}")
    one_each(found)
    if AVERAGE in found:
        found.pop("avg_duration_ms", None)
    chosen = {role: [Chosen(*place, values_of(place)) for place in members] for role, members in found.items()}
    used = {id(place.column) for members in found.values() for place in members}
    columns = "; ".join(f"{role} = {listed(found[role])}" for role in ROLES if role in found)
    unused = [place for place in places if id(place.column) not in used]
    return chosen, [f"columns: {columns}", *said, *([f"not used: {listed(unused)}"] if unused else [])]


def listed(places: Sequence[Place]) -> str:
    """The names of columns, each once."""
    return ", ".join(dict.fromkeys(place.column.name for place in places))[:200]


def named(places: Sequence[Place], role: str, name: str) -> list[Place]:
    """The columns that `--column` means: by a name, an id, a number, or the file that has but one."""
    found = [place for place in places if name in place.column.names]
    if not found:
        of_file = [place for place in places if name in (place.table.source, Path(place.table.source).name)]
        found = of_file if len(of_file) == 1 else []
    if not found:
        raise NotImportable(f"--column {role}={name}: there is no such column (here: {listed(places)}); {ASK}")
    if len({id(place.table) for place in found}) < len(found):
        numbers = ", ".join(place.column.names[-1] for place in found)
        raise NotImportable(f"--column {role}={name}: {len(found)} columns are called so; give one of {numbers}")
    return found


def role_of(place: Place) -> str:
    """The role that a column's name gives it; `UNSURE` where its statistic is not said, empty where it has none."""
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


def by_values(unsure: Sequence[Place], found: dict[str, list[Place]], told: Mapping[str, str]) -> list[str]:
    """Give columns of concurrency whose statistic is not said their roles, where their values prove them."""
    wanted = [role for role in (AVERAGE, MAXIMUM) if role not in found and role not in told]
    if not unsure or not wanted:
        return []
    if len(unsure) == len(wanted):
        known = {role: found[role][0] for role in (AVERAGE, MAXIMUM) if role not in wanted}
        pairs = [known | dict(zip(wanted, each, strict=True)) for each in permutations(unsure)]
        fits = [pair for pair in pairs if is_average_of(pair[AVERAGE], pair[MAXIMUM])]
        if len(fits) == 1:
            found.update({role: [fits[0][role]] for role in wanted})
            shown = " and ".join(f"{in_full(fits[0][role])} for the {WORDS[role]}" for role in wanted)
            why = "the maximum is whole and nowhere below the average; give --column if it is otherwise"
            return [f"no statistic is given: taken is {shown}, since {why}"]
    if len(unsure) == 1 and has_fractions(values_of(unsure[0])) and AVERAGE in wanted:
        found[AVERAGE] = [unsure[0]]
        return [f"no statistic is given: taken is {in_full(unsure[0])} for the average, since it is not whole"]
    names = " and ".join(map(in_full, unsure))
    raise NotImportable(f"{unsure[0].table.source}: {names}: average or maximum? {ASK}, and ROLE {AVERAGE} or {MAXIMUM}")


def in_full(place: Place) -> str:
    """A column by all its names, which tell it from others of the first."""
    first, *others = place.column.names
    return f"{first} ({' '.join(others)})" if others else first


def is_average_of(average: Place, maximum: Place) -> bool:
    """Whether the values can be averages of what the others are maxima of, and not all the same."""
    low, high = (dict(zip(place.table.times, values_of(place), strict=True)) for place in (average, maximum))
    both = [(low[time], high[time]) for time in low.keys() & high.keys() if not isnan(low[time] + high[time])]
    return all(one <= other for one, other in both) and any(one < other for one,
                                                            other in both) and not has_fractions(high.values())


def has_fractions(values: Iterable[float]) -> bool:
    """Whether some values are not whole."""
    return any(value % 1 for value in values if not isnan(value))


def one_each(found: Mapping[str, Sequence[Place]]) -> None:
    """`NotImportable` when two columns of one file have one role, since they may differ."""
    for role, members in found.items():
        for number, (table, column) in enumerate(members):
            for other, second in members[:number]:
                if other.source == table.source and (other is table or not same_metric(column, second)):
                    raise NotImportable(f"{table.source}: {second.name} and {column.name} may both be {role}; {ASK}")


def same_metric(one: Column, other: Column) -> bool:
    """Whether two series of one answer are parts of one metric, such as its pages or its label sets."""
    return one.about == other.about and one.names[0] == other.names[0]


def values_of(place: Place) -> list[float]:
    """The numbers of a column."""
    table, column = place
    return read_numbers(column.cells, column.name, comma_of([each.cells for each in table.columns], table.at), table.at)
