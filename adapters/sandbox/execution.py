"""Execution of a request in addition to the traffic, with its time on the sandbox's clock."""

from typing import NamedTuple

from adapters.runtime.clock import ManualClock, ScaledClock
from adapters.sandbox.aws.lambda_.counts import Served
from adapters.sandbox.world import Hosted, Sandbox


class Execution(NamedTuple):
    """Result of a request; `init_ms` is None unless the log reports a start: of a cold unit, and of a provisioned one when it
    serves its first request, although that did not wait. The reply follows after `reply_after_seconds`.
    """

    served: Served
    init_ms: float | None
    reply_after_seconds: float


def execute(sandbox: Sandbox, hosted: Hosted, hold_ms: int, version: str) -> Execution:
    """Serve a request that holds a unit of `version` for `hold_ms` of real time, in a warm unit or a new one.

    With a manual clock neither start nor hold takes time: a test advances it only after the reply. While a scaled clock stands
    still for work, the unit is busy for its time and the reply comes at once: requests of one instant overlap on any machine.
    """
    rate = rate_of(sandbox)
    init_ms = hosted.function.init_seconds * 1000 * float(hosted.rng.uniform(0.9, 1.1))
    takes_time = not isinstance(sandbox.clock, ManualClock)
    served = hosted.driver.invoke(sandbox.now_ms(), round(hold_ms * rate), version, round(init_ms) if takes_time else 0)
    delay_ms = hold_ms * rate + (init_ms if served.cold else 0.0)
    return Execution(served, init_ms if served.cold or served.first else None, reply_after(sandbox, delay_ms))


def rate_of(sandbox: Sandbox) -> float:
    """Return the seconds of the sandbox's clock in one second of real time."""
    return sandbox.clock.rate if isinstance(sandbox.clock, ScaledClock) else 1.0


def reply_after(sandbox: Sandbox, delay_ms: float) -> float:
    """Return after how many seconds of the sandbox's clock a reply follows that takes `delay_ms`: see `execute`."""
    clock = sandbox.clock
    stands_still = isinstance(clock, ScaledClock) and clock.rate < clock.factor
    return 0.0 if stands_still or isinstance(clock, ManualClock) else delay_ms / 1000
