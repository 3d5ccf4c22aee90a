"""Counters of a container's units, as on a metrics page: one label set per unit, which disappears with the unit."""

from dataclasses import dataclass

ROUTE = "/sessions/{id}"
"""Route of all requests. Routers print parameters in braces; a parser must not take the brace for the end of the labels."""


@dataclass(slots=True)
class Unit:
    """Counters of one unit since it started at `created` (seconds since the epoch)."""

    created: float
    requests: float = 0.0
    seconds: float = 0.0


class UnitCounters:
    """Counters of two units that share the requests of the container."""

    def __init__(self, now: float) -> None:
        self._units = {1: Unit(now), 2: Unit(now)}
        self._requests = self._seconds = 0.0

    def count(self, requests: float, seconds: float) -> None:
        """Divide the increase since the last call among the units. `requests`, `seconds`: totals of the container."""
        units, new, work = list(self._units.values()), requests - self._requests, seconds - self._seconds
        for order, unit in enumerate(units):
            unit.requests += new // len(units) + (new % len(units) if order == 0 else 0.0)
            unit.seconds += work / len(units)
        self._requests, self._seconds = requests, seconds

    def replace_oldest(self, now: float) -> None:
        """Replace the oldest unit and its counters with a new unit."""
        del self._units[min(self._units)]
        self._units[max(self._units) + 1] = Unit(now)

    def lines(self) -> list[str]:
        """Return the counters in Prometheus' text format."""
        named = [(f'{{unit="{number}",route="{ROUTE}"}}', unit) for number, unit in self._units.items()]
        return [
            "# TYPE requests_total counter", *(f"requests_total{labels} {unit.requests}" for labels, unit in named),
            "# TYPE requests_created gauge", *(f"requests_created{labels} {unit.created}" for labels, unit in named),
            *(f"request_duration_seconds_sum{labels} {unit.seconds}" for labels, unit in named),
            *(f"request_duration_seconds_created{labels} {unit.created}" for labels, unit in named),
        ]
