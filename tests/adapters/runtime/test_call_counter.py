import asyncio

import pytest

from adapters.ports.errors import Throttled
from adapters.runtime.call_counter import Call, CallCounter, summed


def test_calls_are_counted_by_outcome():
    counter = CallCounter()
    with counter.counting("lambda", "invoke"):
        pass
    with pytest.raises(Throttled), counter.counting("lambda", "invoke"):
        raise Throttled("slow down")
    with pytest.raises(asyncio.CancelledError), counter.counting("run", "get_service"):
        raise asyncio.CancelledError

    assert counter.counts == {Call("lambda", "invoke", "ok"): 1, Call("lambda", "invoke", "throttled"): 1,
                              Call("run", "get_service", "cancelled"): 1}
    assert summed([counter, counter])["lambda", "invoke", "ok"] == 2
