"""Calls that the sandbox received: counts of every operation, and a log of every write."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from adapters.sandbox.wire import Call

VALUES = {
    "PutProvisionedConcurrencyConfig": "ProvisionedConcurrentExecutions",
    "PutFunctionConcurrency": "ReservedConcurrentExecutions",
    "UpdateAlias": "FunctionVersion",
    "CreateAlias": "FunctionVersion",
    "RegisterScalableTarget": "MinCapacity",
    "UpdateService": "minInstanceCount",
}
"""Field of the body that holds the requested value, by operation."""


@dataclass(frozen=True, slots=True)
class Write:
    """One mutating request. `outcome` is "accepted" or the error code; `answered` is False if a fault suppressed the response."""

    at: datetime
    operation: str
    function: str
    qualifier: str | None
    value: Any
    caller: str
    outcome: str
    answered: bool = True
    agent: str = ""
    """Header User-Agent of the request."""


class CallLog:
    """Counts of received requests, rejected ones included, and the writes. Tests prove by it that shadow mode writes nothing."""

    def __init__(self) -> None:
        self.writes: list[Write] = []
        self.mutating: Counter[str] = Counter()
        self.reading: Counter[str] = Counter()

    def count(self, operation: str, *, mutating: bool) -> None:
        """Count one call of `operation`."""
        (self.mutating if mutating else self.reading)[operation] += 1

    def record(self, call: Call, outcome: str, *, answered: bool = True) -> None:
        """Log a mutating request with its outcome."""
        value = call.body.get(VALUES.get(call.operation, ""))
        function = call.function or str(call.body.get("ResourceId", ""))
        self.writes.append(Write(call.at, call.operation, function, call.qualifier, value, call.caller, outcome, answered,
                                 call.headers.get("User-Agent", "")))

    def accepted(self, operation: str, function: str | None = None) -> list[Write]:
        """Return the writes of one operation that took effect, in order; of one function or, with None, of all."""
        return [
            write
            for write in self.writes
            if write.operation == operation and write.outcome == "accepted" and function in (None, write.function)
        ]
