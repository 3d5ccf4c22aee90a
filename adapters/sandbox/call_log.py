"""What was asked of the sandbox: counts of every operation, and a log of every write."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from adapters.sandbox.wire import Call

# What a write asks for, by operation: the field of the body that holds it.
VALUES = {
    "PutProvisionedConcurrencyConfig": "ProvisionedConcurrentExecutions",
    "PutFunctionConcurrency": "ReservedConcurrentExecutions",
    "UpdateAlias": "FunctionVersion",
    "CreateAlias": "FunctionVersion",
    "RegisterScalableTarget": "MinCapacity",
    "UpdateService": "minInstanceCount",
}


@dataclass(frozen=True, slots=True)
class Write:
    """One mutating request. `outcome` is "accepted" or the code of the refusal; `answered` is False when a fault kept the
    answer from the caller.
    """

    at: datetime
    operation: str
    function: str
    qualifier: str | None
    value: Any
    caller: str
    outcome: str
    answered: bool = True
    agent: str = ""
    """What called, in its own words: the header User-Agent."""


class CallLog:
    """Counts requests as they arrive, refused ones included: what a shadow run is proved by."""

    def __init__(self) -> None:
        self.writes: list[Write] = []
        self.mutating: Counter[str] = Counter()
        self.reading: Counter[str] = Counter()

    def count(self, operation: str, *, mutating: bool) -> None:
        """Count one call of `operation`."""
        (self.mutating if mutating else self.reading)[operation] += 1

    def record(self, call: Call, outcome: str, *, answered: bool = True) -> None:
        """Log a mutating request and how it ended."""
        value = call.body.get(VALUES.get(call.operation, ""))
        function = call.function or str(call.body.get("ResourceId", ""))
        self.writes.append(Write(call.at, call.operation, function, call.qualifier, value, call.caller, outcome, answered,
                                 call.headers.get("User-Agent", "")))

    def accepted(self, operation: str, function: str | None = None) -> list[Write]:
        """The writes of one operation that took effect, in order."""
        return [
            write
            for write in self.writes
            if write.operation == operation and write.outcome == "accepted" and function in (None, write.function)
        ]
