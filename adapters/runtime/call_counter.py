"""How often providers were called, and with what outcome: what Stoker's own work asks of an account's request limits."""

from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

from adapters.ports.errors import AdapterError

OK = "ok"


class Call(NamedTuple):
    """`api`: whose (lambda, cloudwatch, run, ...). `operation`: in the provider's words. `outcome`: `ok` or an error's code."""

    api: str
    operation: str
    outcome: str


class CallCounter:
    """Counts from the event loop alone."""

    def __init__(self) -> None:
        self.counts: Counter[Call] = Counter()

    @contextmanager
    def counting(self, api: str, operation: str) -> Iterator[None]:
        """Counts the call that is made within; one that is given up on counts as `cancelled`."""
        outcome = "cancelled"
        try:
            yield
            outcome = OK
        except AdapterError as error:
            outcome = error.code
            raise
        finally:
            self.counts[Call(api, operation, outcome)] += 1


def summed(tallies: Iterable[CallCounter]) -> Counter[Call]:
    """All of them together."""
    total: Counter[Call] = Counter()
    for tally in tallies:
        total += tally.counts
    return total
