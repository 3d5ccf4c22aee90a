"""Counts of provider calls by outcome: Stoker's own use of an account's request limits."""

from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

from adapters.ports.errors import AdapterError

OK = "ok"


class Call(NamedTuple):
    """Kind of call. `api`: lambda, cloudwatch, run, ... `operation`: the provider's name. `outcome`: `ok` or an error code."""

    api: str
    operation: str
    outcome: str


class CallCounter:
    """Counter of calls; use it only on the event loop."""

    def __init__(self) -> None:
        self.counts: Counter[Call] = Counter()

    @contextmanager
    def counting(self, api: str, operation: str) -> Iterator[None]:
        """Count the call in the block by its outcome; a call that is abandoned counts as `cancelled`."""
        outcome = "cancelled"
        try:
            yield
            outcome = OK
        except AdapterError as error:
            outcome = error.code
            raise
        finally:
            self.counts[Call(api, operation, outcome)] += 1


def summed(counters: Iterable[CallCounter]) -> Counter[Call]:
    """Return the sum of all counters."""
    total: Counter[Call] = Counter()
    for counter in counters:
        total += counter.counts
    return total
