"""The counters of a container's units, as a page of metrics shows them: a label set for each unit, which ends with its unit."""

from dataclasses import dataclass

ROUTE = "/sessions/{id}"
"""The route of all requests. Routers print a parameter so; a parser must not end the labels at its brace."""


@dataclass(slots=True)
class Unit:
    """What one unit has counted since it began at `created` (seconds since the epoch)."""

    created: float
    requests: float = 0.0
    seconds: float = 0.0


class UnitCounters:
    """Two units, which share what comes to the container."""

    def __init__(self, now: float) -> None:
        self._units = {1: Unit(now), 2: Unit(now)}
        self._requests = self._seconds = 0.0

    def count(self, requests: float, seconds: float) -> None:
        """Share out what has come since the last time. `requests`, `seconds`: of the container since it began."""
        units, new, work = list(self._units.values()), requests - self._requests, seconds - self._seconds
        for order, unit in enumerate(units):
            unit.requests += new // len(units) + (new % len(units) if order == 0 else 0.0)
            unit.seconds += work / len(units)
        self._requests, self._seconds = requests, seconds

    def replace_oldest(self, now: float) -> None:
        """End the oldest unit with its counters and begin another."""
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
