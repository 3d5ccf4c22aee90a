import asyncio

import pytest

from adapters.ports.errors import Throttled
from adapters.runtime.call_counter import Call, CallCounter, summed


def test_calls_are_counted_by_outcome():
    tally = CallCounter()
    with tally.counting("lambda", "invoke"):
        pass
    with pytest.raises(Throttled), tally.counting("lambda", "invoke"):
        raise Throttled("slow down")
    with pytest.raises(asyncio.CancelledError), tally.counting("run", "get_service"):
        raise asyncio.CancelledError

    assert tally.counts == {Call("lambda", "invoke", "ok"): 1, Call("lambda", "invoke", "throttled"): 1,
                            Call("run", "get_service", "cancelled"): 1}
    assert summed([tally, tally])["lambda", "invoke", "ok"] == 2
