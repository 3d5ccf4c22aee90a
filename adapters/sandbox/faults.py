"""Trouble that a test or a demo can switch on, for one operation or all, for one function or all."""

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
    """What goes wrong with a request. All but `DRIP`, `CUT` and `NO_ANSWER` keep it from taking effect."""

    THROTTLE = "throttle"  # 429 or the service's own word for it
    SERVER_ERROR = "server-error"  # 500
    HANG = "hang"  # accepted, never answered
    DRIP = "drip"  # answered properly, but a byte at a time
    RESET = "reset"  # the connection breaks before the request is carried out
    GARBAGE = "garbage"  # 200 with something that is not the protocol
    CUT = "cut"  # carried out, and answered with the first half of the body as if it were the whole
    NO_ANSWER = "no-answer"  # carried out, then the connection breaks


@dataclass(slots=True)
class Fault:
    """`trouble` with the next `times` requests (None: until cleared) for `operation` that name `function` (None: any)."""

    trouble: Trouble
    operation: str = ALL
    function: str | None = None
    times: int | None = None

    def concerns(self, call: Call) -> bool:
        return self.operation in (ALL, call.operation) and self.function in (None, call.function) and self.times != 0


class Faults:
    """What is wrong now. Metrics trouble and `omissions` are kept apart: there every request is answered, with less in it."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._faults: list[Fault] = []
        self.omissions: list[tuple[str, str]] = []
        """Operations, and members that their answers lack: names joined by dots, `*` for each item of a list."""
        self.outages: list[Outage] = []
        self.late_seconds = 0.0

    def add(self, trouble: Trouble, operation: str = ALL, function: str | None = None, times: int | None = None) -> Fault:
        """Switch a fault on; the newest that concerns a request decides."""
        fault = Fault(trouble, operation, function, times)
        self._faults.append(fault)
        return fault

    def throttle(self, operation: str = ALL, function: str | None = None, times: int | None = None) -> Fault:
        return self.add(Trouble.THROTTLE, operation, function, times)

    def server_error(self, operation: str = ALL, function: str | None = None, times: int | None = None) -> Fault:
        return self.add(Trouble.SERVER_ERROR, operation, function, times)

    def hang(self, operation: str = ALL, function: str | None = None, times: int | None = None) -> Fault:
        return self.add(Trouble.HANG, operation, function, times)

    def drip(self, operation: str = ALL, function: str | None = None, times: int | None = None) -> Fault:
        return self.add(Trouble.DRIP, operation, function, times)

    def reset(self, operation: str = ALL, function: str | None = None, times: int | None = None) -> Fault:
        return self.add(Trouble.RESET, operation, function, times)

    def garbage(self, operation: str = ALL, function: str | None = None, times: int | None = None) -> Fault:
        return self.add(Trouble.GARBAGE, operation, function, times)

    def cut(self, operation: str = ALL, function: str | None = None, times: int | None = None) -> Fault:
        return self.add(Trouble.CUT, operation, function, times)

    def apply_without_answer(self, operation: str = ALL, function: str | None = None, times: int | None = None) -> Fault:
        return self.add(Trouble.NO_ANSWER, operation, function, times)

    def clear(self, fault: Fault | None = None) -> None:
        """Switch `fault` off, or every fault of requests when none is given."""
        self._faults = [other for other in self._faults if fault is not None and other is not fault]

    def reduced(self, operation: str, reply: Reply) -> Reply:
        """`reply` without the members in `omissions`: AWS's service models require few of an answer's members."""
        body = reply.body
        for of, member in self.omissions:
            if of == operation:
                body = _without(body, member.split("."))
        return replace(reply, body=body)

    def strike(self, call: Call) -> Trouble | None:
        """The trouble that this request meets, used up by one."""
        for fault in reversed(self._faults):
            if fault.concerns(call):
                fault.times = None if fault.times is None else fault.times - 1
                return fault.trouble
        return None

    def metrics_outage(self, metric: str | None = None, function: str | None = None) -> None:
        """From this minute on nothing is published: of one metric or all, of one function's own or of everything."""
        self.outages.append(Outage(self._minute(), metric=metric, function=function))

    def metrics_back(self, *, backfilled: bool = False) -> None:
        """End all outages; the minutes in them stay lost, unless they are `backfilled`."""
        for outage in self.outages:
            outage.end = self._minute() if outage.end is None else outage.end
        if backfilled:
            self.outages.clear()

    def hidden(self, metric: str, function: str | None, first: int, end: int) -> NDArray[np.bool_]:
        """bool[end - first]: minutes of which a metric is not published for an outage; `function` None: of the whole region."""
        minutes, hidden = np.arange(first, end, dtype=np.int64), np.zeros(end - first, bool)
        for outage in self.outages:
            if outage.concerns(metric, function):
                hidden |= outage.covers(minutes)
        return hidden

    def metrics_late(self, seconds: float) -> None:
        """Publish everything `seconds` later than usual; 0 publishes at once what has been held back."""
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
