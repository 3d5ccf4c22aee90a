"""Faults that a test or the demo injects, for one operation or all, for one function or all."""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from adapters.runtime.clock import Clock
from adapters.sandbox.traffic.publishing import MINUTE_SECONDS, Outage
from adapters.sandbox.wire import Call, Reply

ALL = "*"


class Trouble(StrEnum):
    """Kind of fault. With `DRIP`, `CUT` and `NO_ANSWER` the request still takes effect; with the others it does not."""

    THROTTLE = "throttle"  # 429 or the service's own code for it
    SERVER_ERROR = "server-error"  # 500
    HANG = "hang"  # connection accepted, no response
    DRIP = "drip"  # correct response, one byte at a time
    RESET = "reset"  # connection closed before the request is executed
    GARBAGE = "garbage"  # 200 with a body that is not of the protocol
    CUT = "cut"  # request executed; the response is the first half of the body, without a sign of the cut
    NO_ANSWER = "no-answer"  # request executed, then connection closed


@dataclass(slots=True)
class Fault:
    """`trouble` for the next `times` requests (None: until cleared) of `operation` that name `function` (None: any)."""

    trouble: Trouble
    operation: str = ALL
    function: str | None = None
    times: int | None = None

    def matches(self, call: Call) -> bool:
        """Return whether the fault applies to `call`."""
        return self.operation in (ALL, call.operation) and self.function in (None, call.function) and self.times != 0


class Faults:
    """Active faults. `omissions` and faults of metrics are separate from `Fault`: the request is answered, with less content."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._faults: list[Fault] = []
        self.omissions: list[tuple[str, str]] = []
        """Pairs of operation and omitted member of its response: names joined by dots, `*` for each item of a list."""
        self.outages: list[Outage] = []
        self.late_seconds = 0.0

    def add(self, trouble: Trouble, operation: str = ALL, function: str | None = None, times: int | None = None) -> Fault:
        """Add a fault. If several match a request, the newest applies."""
        fault = Fault(trouble, operation, function, times)
        self._faults.append(fault)
        return fault

    def throttle(self, operation: str = ALL, function: str | None = None, times: int | None = None) -> Fault:
        """Throttle requests: 429, or the service's own code for it."""
        return self.add(Trouble.THROTTLE, operation, function, times)

    def server_error(self, operation: str = ALL, function: str | None = None, times: int | None = None) -> Fault:
        """Answer requests with 500."""
        return self.add(Trouble.SERVER_ERROR, operation, function, times)

    def hang(self, operation: str = ALL, function: str | None = None, times: int | None = None) -> Fault:
        """Never answer requests."""
        return self.add(Trouble.HANG, operation, function, times)

    def drip(self, operation: str = ALL, function: str | None = None, times: int | None = None) -> Fault:
        """Send responses one byte at a time."""
        return self.add(Trouble.DRIP, operation, function, times)

    def reset(self, operation: str = ALL, function: str | None = None, times: int | None = None) -> Fault:
        """Close connections before requests are executed."""
        return self.add(Trouble.RESET, operation, function, times)

    def garbage(self, operation: str = ALL, function: str | None = None, times: int | None = None) -> Fault:
        """Answer requests with a body that is not of the protocol."""
        return self.add(Trouble.GARBAGE, operation, function, times)

    def cut(self, operation: str = ALL, function: str | None = None, times: int | None = None) -> Fault:
        """Execute requests and send the first half of the response."""
        return self.add(Trouble.CUT, operation, function, times)

    def apply_without_answer(self, operation: str = ALL, function: str | None = None, times: int | None = None) -> Fault:
        """Execute requests and close their connections without a response."""
        return self.add(Trouble.NO_ANSWER, operation, function, times)

    def clear(self, fault: Fault | None = None) -> None:
        """Remove `fault`, or all faults of requests if it is None."""
        self._faults = [other for other in self._faults if fault is not None and other is not fault]

    def reduced(self, operation: str, reply: Reply) -> Reply:
        """Return `reply` without the members in `omissions`: AWS's service models require few members of a response."""
        body = reply.body
        for incomplete, member in self.omissions:
            if incomplete == operation:
                body = _without(body, member.split("."))
        return replace(reply, body=body)

    def take(self, call: Call) -> Trouble | None:
        """Return the kind of fault that applies to `call`, and count it; None without one."""
        for fault in reversed(self._faults):
            if fault.matches(call):
                fault.times = None if fault.times is None else fault.times - 1
                return fault.trouble
        return None

    def metrics_outage(self, metric: str | None = None, function: str | None = None) -> None:
        """Stop publishing metrics from this minute on: of one metric or all, of one function or of all and the region."""
        self.outages.append(Outage(self._minute(), metric=metric, function=function))

    def metrics_back(self, *, backfilled: bool = False) -> None:
        """End all outages. Their minutes stay missing unless `backfilled`."""
        for outage in self.outages:
            outage.end = self._minute() if outage.end is None else outage.end
        if backfilled:
            self.outages.clear()

    def hidden(self, metric: str, function: str | None, first: int, end: int) -> NDArray[np.bool_]:
        """Return bool[end - first]: minutes in which an outage hides the metric; `function` None: metric of the whole region."""
        minutes, hidden = np.arange(first, end, dtype=np.int64), np.zeros(end - first, bool)
        for outage in self.outages:
            if outage.applies_to(metric, function):
                hidden |= outage.covers(minutes)
        return hidden

    def metrics_late(self, seconds: float) -> None:
        """Add `seconds` to the metric delay; 0 publishes delayed points at once."""
        self.late_seconds = seconds

    def _minute(self) -> int:
        return int(self._clock.now().timestamp()) // MINUTE_SECONDS


def _without(body: Any, path: list[str]) -> Any:  # noqa: ANN401  (any JSON)
    name, *rest = path
    if name == "*" and isinstance(body, list):
        return [_without(each, rest) for each in body]
    if not isinstance(body, dict) or name not in body:
        return body
    return body | {name: _without(body[name], rest)} if rest else {key: value for key, value in body.items() if key != name}
