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
    clock = sandbox.clock
    rate = clock.rate if isinstance(clock, ScaledClock) else 1.0
    takes_time, stands_still = not isinstance(clock, ManualClock), isinstance(clock, ScaledClock) and rate < clock.factor
    init_ms = hosted.function.init_seconds * 1000 * float(hosted.rng.uniform(0.9, 1.1))
    served = hosted.driver.invoke(sandbox.now_ms(), round(hold_ms * rate), version, round(init_ms) if takes_time else 0)
    delay_ms = hold_ms * rate + (init_ms if served.cold else 0.0)
    logged_ms = init_ms if served.cold or served.first else None
    return Execution(served, logged_ms, delay_ms / 1000 if takes_time and not stands_still else 0.0)
