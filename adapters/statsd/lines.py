"""Lines of StatsD and DogStatsD as changes of requests in flight. Pure.

    stoker.in_flight.POOL:3|g                  a gauge
    stoker.in_flight:+1|g|#pool:POOL,sender:web-1    a change, with tags of DogStatsD

Lines of other metrics are not Stoker's, and no errors: a client sends all of its metrics to one place.
"""

import math
import re
from dataclasses import dataclass

from adapters.ports.reports import sender_name

METRIC = "stoker.in_flight"
MOST = 1_000_000
NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Sample:
    """One value of a pool's gauge: the requests in flight, or with `delta` their change. `sender`: empty where no tag has it."""

    pool: str
    sender: str
    value: int
    delta: bool


class Malformed(Exception):
    """A line of `METRIC` that cannot be used. `pool`: that of the line; empty where it names none."""

    def __init__(self, text: str, pool: str = "") -> None:
        super().__init__(text)
        self.pool = pool


def samples(line: bytes) -> list[Sample]:
    """Return the values of a line, several of one gauge in their order; none if it is another metric's. Raise `Malformed`."""
    if not line.startswith(METRIC.encode()):
        return []
    head, *parts = line.decode(errors="replace").strip().split("|")
    name, *values = head.split(":")
    tags = dict(tag.partition(":")[::2] for part in parts if part.startswith("#") for tag in part[1:].split(","))
    pool = name.removeprefix(METRIC).removeprefix(".") or tags.get("pool", "")
    if name != METRIC and not name.startswith(f"{METRIC}."):
        return []
    if not pool:
        raise Malformed(f"{METRIC} without a pool: send {METRIC}.POOL, or a tag pool")
    if not values or not parts or parts[0] != "g":
        raise Malformed(f"{METRIC} is a gauge: send {METRIC}.POOL:3|g", pool)
    sampled = any(part.startswith("@") and part != "@1" and not re.fullmatch(r"@1\.0*", part) for part in parts[1:])
    sender = sender_name(tags.get("sender", ""))
    return [Sample(pool, sender, number(value, pool, sampled), value[0] in "+-") for value in values]


def number(value: str, pool: str, sampled: bool) -> int:
    """Return the value of a gauge. Fractions of an absolute value are rounded up."""
    if not NUMBER.fullmatch(value) or abs(float(value)) > MOST:
        raise Malformed(f"a value of {METRIC} is a number from 0 to {MOST}", pool)
    if value[0] not in "+-":
        return math.ceil(float(value))
    if sampled:
        raise Malformed(f"a sampled change of {METRIC} is no number in flight: send changes without sampling", pool)
    if not float(value).is_integer():
        raise Malformed(f"a change of {METRIC} is a whole number", pool)
    return int(float(value))
